// SPDX-License-Identifier: Apache-2.0

#include "typed.h"

/** A list of things, found from a global, and one function that is changed. */
#define LIST(members, body)                                                    \
	PRELUDE "enum kind { ONE, TWO };\n"                                    \
		"struct thing { " members " struct thing *next; };\n"          \
		"static struct thing *head;\n"                                 \
		"KEEP int add(int v) { struct thing *t = calloc(1, 4096);\n"   \
		" if (!t) return -1; t->next = head; head = t; return v; }\n"  \
		"KEEP int get(int v) { struct thing *t = head; " body          \
		" return v; }\n"

static void
a_change_of_code_alone_is_proven(void **state)
{
	(void)state;
	each_must_prove(LIST("int a, b;", "v += t ? t->a : 1;"),
			LIST("int a, b;", "v += t ? t->b : 2;"));
}

static void
another_member_is_another_member_and_not_a_layout(void **state)
{
	(void)state;
	// Of the code alone nobody can tell that no member moved.
	each_must_prove(LIST("long a, b, c;", "v += (int)(t->a + t->b);"),
			LIST("long a, b, c;", "v += (int)(t->b + t->c);"));
}

static void
a_member_that_moved_is_named_with_its_line(void **state)
{
	(void)state;
	each_must_say(LIST("int a; int b;", "v += t ? t->b : 1;"),
		      LIST("int a; long x; int b;", "v += t ? t->b : 1;"),
		      "R-02", "member b moved from byte 4 to byte 16");
	must_say(commands[0], LIST("int a; int b;", "v += t ? t->b : 1;"),
		 LIST("int a; long x; int b;", "v += t ? t->b : 1;"), "R-02",
		 "struct thing at new.c:");
}

static void
a_member_in_padding_or_at_the_end_is_refused(void **state)
{
	(void)state;
	each_must_say(LIST("char a; int b;", "v += t->b;"),
		      LIST("char a; char x; int b;", "v += t->b + t->x;"),
		      "R-02", "member x at byte 1 is new");
	each_must_say(
		PRELUDE
		"struct s { int a; }; int f(struct s *p) { return p->a; }\n",
		PRELUDE
		"struct s { int a; long z; }; int f(struct s *p) { return p->a + (int)p->z; }\n",
		"R-03", "had 4 bytes and have 16");
}

static void
a_member_of_another_type_is_refused(void **state)
{
	static const char *const pairs[][3] = {
		{ "int a;", "unsigned a;", "member a was int and is unsigned" },
		{ "long a;", "double a;", "member a was long" },
		{ "int a[2];", "short a[4];", "member a was int [2]" },
		{ "unsigned a : 3, b : 5;", "unsigned a : 4, b : 4;",
		  "member a had 3 bits and has 4" },
		{ "union { int a; long b; } u;",
		  "union { int a; double b; } u;", "member b was long" },
		{ "int (*a)(int);", "int (*a)(long);",
		  "called through a pointer" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		char o[1024];
		char n[1024];
		static const char *const form = PRELUDE
			"struct s { %s int z; };\n"
			"KEEP int f(struct s *p) { return p->z + %d; }\n";
		snprintf(o, sizeof(o), form, pairs[i][0], 1);
		snprintf(n, sizeof(n), form, pairs[i][1], 2);
		must_say(commands[0], o, n, i == 5 ? "R-09" : "R-02",
			 pairs[i][2]);
		must_say(commands[2], o, n, i == 5 ? "R-09" : "R-02",
			 pairs[i][2]);
	}
}

static void
a_type_behind_several_pointers_is_found(void **state)
{
	(void)state;
	each_must_say(
		PRELUDE
		"struct deep { int x; int y; }; struct mid { struct deep *deep[3]; };\n"
		"struct top { struct mid mid; }; static struct top *all;\n"
		"KEEP void set(struct top *t) { all = t; }\n"
		"KEEP int f(int i) { return all ? i : 1; }\n",
		PRELUDE
		"struct deep { int y; int x; }; struct mid { struct deep *deep[3]; };\n"
		"struct top { struct mid mid; }; static struct top *all;\n"
		"KEEP void set(struct top *t) { all = t; }\n"
		"KEEP int f(int i) { return all ? i : 2; }\n",
		"R-02", "reached from all");
}

static void
a_type_in_the_frame_may_change(void **state)
{
	(void)state;
	each_must_prove(
		PRELUDE
		"KEEP int f(int v) { if (v > 3) v *= 7; struct pair { int a, b; } p = { v, 1 };\n"
		" return p.a + p.b; }\n",
		PRELUDE
		"KEEP int f(int v) { if (v > 3) v *= 7; struct pair { int a; long x; int b; } p = { v, 2, 1 };\n"
		" return p.a + p.b + (int)p.x; }\n");
}

static void
a_type_in_the_frame_whose_address_gets_about_is_refused(void **state)
{
	static const char *const form = PRELUDE
		"extern long kept[8]; struct pair { %s };\n"
		"KEEP void keep(const void *p) { const long *w = p;\n"
		" kept[0] = w[0]; kept[1] = w[1]; }\n"
		"KEEP int f(int v) { struct pair p = { .a = v, .b = 1 };\n"
		" keep(&p); return (int)(p.a + p.b) * %d; }\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), form, "long a, b;", 3);
	snprintf(n, sizeof(n), form, "long b, a;", 4);
	must_refuse("gcc -g -O2 -fPIC -shared -x c", o, n, "R-02");
	must_refuse("gcc -g -O0 -fPIC -shared -x c", o, n, "R-02");
	must_refuse("clang -g -O2 -fPIC -shared -x c", o, n, "R-02");
}

static void
a_new_type_and_a_new_function_are_no_change_of_layout(void **state)
{
	(void)state;
	each_must_prove(
		PRELUDE
		"struct s { int a; };\n"
		"KEEP int f(struct s *s) { return s->a ? s->a * 7 : 3; }\n",
		PRELUDE
		"struct s { int a; }; struct extra { long n; struct s *of; };\n"
		"KEEP int help(struct extra *e) { return e->of->a + (int)e->n; }\n"
		"KEEP int f(struct s *s) { struct extra e = { 4, s }; return help(&e); }\n");
}

static void
a_struct_that_was_renamed_and_grew_is_refused(void **state)
{
	(void)state;
	each_must_say(
		PRELUDE
		"struct was { int a, b; }; void *keep;\n"
		"KEEP int f(int i) { struct was *p = keep; return p->b + i; }\n",
		PRELUDE
		"struct is { int a, x, b; }; void *keep;\n"
		"KEEP int f(int i) { struct is *p = keep; return p->b + i; }\n",
		"R-02", "struct is");
}

static void
a_type_that_is_only_declared_is_looked_up_or_passed(void **state)
{
	(void)state;
	each_must_prove(
		PRELUDE "struct far; KEEP struct far *f(struct far *p, int n)\n"
			"{ return n ? p : 0; }\n",
		PRELUDE "struct far; KEEP struct far *f(struct far *p, int n)\n"
			"{ return n > 1 ? p : 0; }\n");
}

static void
an_enum_that_was_renumbered_is_refused(void **state)
{
	(void)state;
	each_must_say(
		PRELUDE
		"enum kind { ONE, TWO, THREE }; static enum kind now;\n"
		"KEEP int f(int i) { if (i == 77) now = THREE; return now == TWO; }\nvoid set(int i) { now = i; }\n",
		PRELUDE
		"enum kind { ONE, HALF, TWO, THREE }; static enum kind now;\n"
		"KEEP int f(int i) { if (i == 77) now = THREE; return now == TWO; }\nvoid set(int i) { now = i; }\n",
		"R-24", "TWO was 1 and is 2");
	// No type leads from an int to its enum.
	each_must_say(
		PRELUDE
		"enum { IDLE, BUSY, DONE }; int now;\n"
		"KEEP int f(int i) { if (i == 77) now = DONE; return now == BUSY; }\nvoid set(int i) { now = i; }\n",
		PRELUDE
		"enum { IDLE, DONE, BUSY }; int now;\n"
		"KEEP int f(int i) { if (i == 77) now = DONE; return now == BUSY; }\nvoid set(int i) { now = i; }\n",
		"R-24", "DONE was 2 and is 1");
}

static void
an_enum_that_got_one_more_is_accepted(void **state)
{
	(void)state;
	each_must_prove(
		PRELUDE
		"enum kind { ONE, TWO, KIND_MAX }; static enum kind now;\n"
		"KEEP void set(enum kind k) { now = k; }\n"
		"KEEP int f(int i) { return now == TWO ? i : 0; }\n",
		PRELUDE
		"enum kind { ONE, TWO, MORE, KIND_MAX }; static enum kind now;\n"
		"KEEP void set(enum kind k) { now = k; }\n"
		"KEEP int f(int i) { return now == MORE ? i : 0; }\n");
}

static void
a_signature_is_told_by_its_types(void **state)
{
	static const char *const pairs[][3] = {
		{ "int f(int a) { return a; }",
		  "int f(long a) { return (int)a + 1; }",
		  "parameter 1, a, was int and is long" },
		{ "int f(int a) { return a; }",
		  "int f(int a, int b) { return a + b; }",
		  "it has a new parameter 2, b" },
		{ "int f(int a) { return a; }",
		  "short f(int a) { return (short)(a + 1); }",
		  "its result was int and is short" },
		{ "int f(int a) { return a; }",
		  "void f(int a) { extern int g; g = a; }",
		  "its result was int and is void" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		must_say(commands[0], pairs[i][0], pairs[i][1], "R-09",
			 pairs[i][2]);
		must_say(commands[3], pairs[i][0], pairs[i][1], "R-09",
			 pairs[i][2]);
	}
}

static void
an_argument_that_was_ignored_may_be_used(void **state)
{
	(void)state;
	each_must_prove("int f(int a, int b) { return a * 7 + 1; }\n",
			"int f(int a, int b) { return a * 7 + b; }\n");
}

static void
an_initial_value_is_told_with_its_variable(void **state)
{
	(void)state;
	each_must_say(
		PRELUDE
		"KEEP int f(void) { static int left = 3; return left++; }\n"
		"KEEP int g(void) { static int left = 5; return left++; }\n",
		PRELUDE
		"KEEP int f(void) { static int left = 3; return left++; }\n"
		"KEEP int g(void) { static int left = 6; return left++; }\n",
		"R-04", "began with 5 and would begin with 6");
	each_must_say("short a = 3, b = 8; int f(void) { return a++ + b++; }\n",
		      "short a = 3, b = 9; int f(void) { return a++ + b++; }\n",
		      "R-04", "began with 8 and would begin with 9");
}

static void
a_global_of_another_type_is_refused_by_name(void **state)
{
	(void)state;
	each_must_say(
		"int table[8]; int f(int i) { return table[i & 7]++; }\n",
		"int table[9]; int f(int i) { return table[i % 9u]++; }\n",
		"R-03", "was int [8] (32 bytes) and is int [9] (36 bytes)");
	each_must_say("long both; long f(void) { return both++; }\n",
		      "double both; long f(void) { return (long)both++; }\n",
		      "R-08", "both");
}

static void
a_unit_without_types_is_not_proven(void **state)
{
	static const char *const form = PRELUDE
		"asm(\".globl twice\\n.type twice,@function\\n"
		"twice: lea (%%rdi,%%rdi,1), %%rax\\n add $%d, %%rax\\n"
		"ret\\n nop\\nnop\\nnop\\n.size twice,.-twice\");\n"
		"int other(int x) { return x; }\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), form, 100);
	snprintf(n, sizeof(n), form, 101);
	must_be(commands[0], o, n, GRAFT_ASSURANCE_INFERRED);
	must_note(commands[0], o, n, "R-02");
}

static void
what_has_no_types_on_one_side_is_inferred(void **state)
{
	(void)state;
	must_be(LIBRARY, "int f(int x) { return x + 1001; }\n",
		"int f(int x) { return x + 1002; }\n",
		GRAFT_ASSURANCE_INFERRED);
}

static void
classes_are_compared_with_bases_and_virtual_functions(void **state)
{
	static const char *const both[] = {
		"g++ -g -O2 -fPIC -shared -x c++",
		"clang++ -g -O1 -fPIC -shared -x c++"
	};
	static const char *const form =
		"struct base { %s int b; };\n"
		"struct shape : base { virtual int area() noexcept; %s int w; };\n"
		"int shape::area() noexcept { return w; }\n%s\n"
		"int f(shape *s) noexcept { return s->w + %d; }\n";
	char o[1024];
	char n[1024];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		snprintf(o, sizeof(o), form, "", "", "", 1);
		snprintf(n, sizeof(n), form, "", "", "", 2);
		must_be(both[i], o, n, GRAFT_ASSURANCE_PROVEN);
		snprintf(n, sizeof(n), form, "long x;", "", "", 2);
		must_say(both[i], o, n, "R-02", "struct base");
		snprintf(n, sizeof(n), form, "", "virtual int more() noexcept;",
			 "int shape::more() noexcept { return 4; }", 2);
		must_say(both[i], o, n, "R-10", "more");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_of_code_alone_is_proven),
		cmocka_unit_test(
			another_member_is_another_member_and_not_a_layout),
		cmocka_unit_test(a_member_that_moved_is_named_with_its_line),
		cmocka_unit_test(a_member_in_padding_or_at_the_end_is_refused),
		cmocka_unit_test(a_member_of_another_type_is_refused),
		cmocka_unit_test(a_type_behind_several_pointers_is_found),
		cmocka_unit_test(a_type_in_the_frame_may_change),
		cmocka_unit_test(
			a_type_in_the_frame_whose_address_gets_about_is_refused),
		cmocka_unit_test(
			a_new_type_and_a_new_function_are_no_change_of_layout),
		cmocka_unit_test(a_struct_that_was_renamed_and_grew_is_refused),
		cmocka_unit_test(
			a_type_that_is_only_declared_is_looked_up_or_passed),
		cmocka_unit_test(an_enum_that_was_renumbered_is_refused),
		cmocka_unit_test(an_enum_that_got_one_more_is_accepted),
		cmocka_unit_test(a_signature_is_told_by_its_types),
		cmocka_unit_test(an_argument_that_was_ignored_may_be_used),
		cmocka_unit_test(an_initial_value_is_told_with_its_variable),
		cmocka_unit_test(a_global_of_another_type_is_refused_by_name),
		cmocka_unit_test(a_unit_without_types_is_not_proven),
		cmocka_unit_test(what_has_no_types_on_one_side_is_inferred),
		cmocka_unit_test(
			classes_are_compared_with_bases_and_virtual_functions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
