// SPDX-License-Identifier: Apache-2.0

#include "typed.h"

static void
a_changed_text_that_is_stored_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED,
		    "const char *name;\n"
		    "void f(int x) { if (x) name = \"one thing\"; }\n",
		    "const char *name;\n"
		    "void f(int x) { if (x) name = \"one other\"; }\n",
		    "R-17");
}

static void
a_changed_text_that_is_compared_is_refused(void **state)
{
	(void)state;
	must_refuse(LIBRARY,
		    "static const char mark[] = \"one thing\";\n"
		    "const char *get(int x) { return x ? mark : 0; }\n"
		    "int is(const char *p) { return p == mark; }\n",
		    "static const char mark[] = \"one other\";\n"
		    "const char *get(int x) { return x ? mark : 0; }\n"
		    "int is(const char *p) { return p == mark; }\n",
		    "R-17");
}

static void
a_changed_table_that_is_handed_on_is_refused(void **state)
{
	(void)state;
	must_refuse(LIBRARY,
		    "void use(const int *);\n"
		    "static const int table[4] = { 1, 2, 300, 4 };\n"
		    "int f(int x) { use(table); return table[x & 3]; }\n",
		    "void use(const int *);\n"
		    "static const int table[4] = { 1, 2, 301, 4 };\n"
		    "int f(int x) { use(table); return table[x & 3]; }\n",
		    "R-17");
}

static void
a_changed_text_that_is_passed_is_accepted(void **state)
{
	(void)state;
	must_accept(STRIPPED,
		    "void say(const char *, ...);\n"
		    "void f(int x) { if (x) say(\"one thing %d\", x); }\n",
		    "void say(const char *, ...);\n"
		    "void f(int x) { if (x) say(\"one other %d\", x); }\n");
}

static void
a_changed_table_that_is_read_is_accepted(void **state)
{
	(void)state;
	must_accept(LIBRARY,
		    "static const int table[4] = { 1, 2, 300, 4 };\n"
		    "int f(int x) { return table[x & 3]; }\n",
		    "static const int table[4] = { 1, 2, 301, 4 };\n"
		    "int f(int x) { return table[x & 3]; }\n");
}

/** A structure that begins with text, and what its address is handed to. */
#define NAMED_OBJECT(number)                                                   \
	"struct kind { char name[16]; int weight; };\n"                        \
	"static const struct kind plain = { \"plain\", " number " };\n"        \
	"void take(const struct kind *);\n"                                    \
	"int f(int a) { take(&plain); return plain.weight + a; }\n"

static void
a_structure_that_begins_with_text_is_no_text(void **state)
{
	(void)state;
	each_must_say(NAMED_OBJECT("5"), NAMED_OBJECT("7"), "R-17",
		      "handed on to another function");
	must_refuse(LIBRARY, NAMED_OBJECT("5"), NAMED_OBJECT("7"), "R-17");
}

/** A text with a name, and a function of the module that is handed it. */
#define NAMED_TEXT(text, does)                                                 \
	PRELUDE "static const char none[] = \"" text "\";\n"                   \
		"int puts(const char *); const char *slots[4];\n"              \
		"KEEP static int last(int i, const char *p) { " does " }\n"    \
		"int f(int a) { return last(a & 3, none) + (int)sizeof(none); }\n"

static void
a_named_text_that_a_function_keeps_is_refused(void **state)
{
	(void)state;
	static const char *const all[] = {
		NAMED_TEXT("one", "slots[i] = p; return 1;"),
		NAMED_TEXT("other", "slots[i] = p; return 1;"),
	};
	each_must_say(all[0], all[1], "R-17", "stored where it outlives");
}

static void
a_named_text_that_a_function_compares_is_refused(void **state)
{
	(void)state;
	static const char *const all[] = {
		NAMED_TEXT("one", "return slots[i] == p;"),
		NAMED_TEXT("other", "return slots[i] == p;"),
	};
	each_must_say(all[0], all[1], "R-17", "compared");
}

static void
a_named_text_that_a_function_prints_is_accepted(void **state)
{
	(void)state;
	each_must_prove(NAMED_TEXT("one", "return i + puts(p);"),
			NAMED_TEXT("other", "return i + puts(p);"));
}

static void
a_named_text_that_is_returned_is_refused(void **state)
{
	(void)state;
	static const char *const all[] = {
		PRELUDE "static const char none[] = \"one\";\n"
			"KEEP const char *f(int a) { return a ? none : 0; }\n",
		PRELUDE "static const char none[] = \"other\";\n"
			"KEEP const char *f(int a) { return a ? none : 0; }\n",
	};
	must_say("gcc -g -O2 -fPIC -shared -x c", all[0], all[1], "R-17",
		 "returned");
	must_say("gcc -g -O0 -fPIC -shared -x c", all[0], all[1], "R-17",
		 "returned");
	must_accept(STRIPPED, all[0], all[1]);
}

/** The address of a table stays in %rdx where a function of the module is called. */
#define LEFT_OVER(number, params, use)                                         \
	PRELUDE "static const int table[4] = { 1, 2, " number ", 4 };\n"       \
		"const int *kept;\n"                                           \
		"KEEP static int last(" params ") { " use " }\n"               \
		"int f(int a, int b) { const int *p = table;\n"                \
		"  asm(\"\" : \"+d\"(p)); int k = p[a & 3];\n"                 \
		"  asm volatile(\"\" : : \"d\"(p));\n"                         \
		"  return ((int (*)(int, int, const int *))last)(k, b, p); }\n"

static void
an_address_that_nobody_takes_is_no_argument(void **state)
{
	(void)state;
	must_accept(LIBRARY,
		    LEFT_OVER("300", "int a, int b", "return a * 3 + b;"),
		    LEFT_OVER("301", "int a, int b", "return a * 3 + b;"));
}

static void
an_address_that_the_called_function_takes_is_refused(void **state)
{
	(void)state;
	must_refuse(LIBRARY,
		    LEFT_OVER("300", "int a, int b, const int *p",
			      "kept = p; return a * 3 + b;"),
		    LEFT_OVER("301", "int a, int b, const int *p",
			      "kept = p; return a * 3 + b;"),
		    "R-17");
}

/** Nothing but an address in front of what clang makes of the switch: a table of
 * distances to texts, which differ where another text stands between. */
#define TAG(tag, use)                                                           \
	PRELUDE "void sink(const void *, int);\n"                               \
		"static const struct { int front[2]; char pad[3], last; } t;\n" \
		"KEEP const char *say(int k) { switch (k) {\n"                  \
		"case 0: return \"zero\"; case 1: return \"one of them\";\n"    \
		"case 2: return \"two of them\"; case 3: return \"three\";\n"   \
		"case 4: return \"all of the four\"; } return \"none\"; }\n"    \
		"int f(int x) { " use " sink(" tag ", x * 3); return x; }\n"

static void
a_constant_in_front_of_a_table_of_distances_ends_there(void **state)
{
	(void)state;
	must_accept("clang -O2 -fPIC -shared -s -x c", TAG("&t.last", ""),
		    TAG("&t.last", "sink(\"more\", 2);"));
	// An object that a table may be the last member of.
	must_refuse("clang -O2 -fPIC -shared -s -x c", TAG("&t.front[1]", ""),
		    TAG("&t.front[1]", "sink(\"more\", 2);"), "R-17");
}

/** A list that is named in its middle, too, and whose numbers are indexes. */
#define LIST(number, use)                                                      \
	PRELUDE "void sink(const void *, int);\n"                              \
		"static const int list[] = { 900, 800, 0, 2, 4, " number       \
		", 1, 3 };\n"                                                  \
		"KEEP int next(int i) { const int *p = list + 2;\n"            \
		"  asm(\"\" : \"+r\"(p)); return p[p[i & 3]]; }\n"             \
		"int f(int x) { sink(list, x); return next(x)" use "; }\n"

static void
a_list_of_indexes_is_no_table_of_distances(void **state)
{
	(void)state;
	must_refuse(STRIPPED, LIST("3", ""), LIST("1", " + 1"), "R-17");
	must_refuse("clang -O2 -fPIC -shared -s -x c", LIST("3", ""),
		    LIST("1", " + 1"), "R-17");
}

/** The byte in front of a text is handed on: an empty text, if another text ends
 * there. */
#define EMPTY(front, behind)                                                   \
	PRELUDE "void take(const char *);\n"                                   \
		"asm(\".section .rodata\\n" front "\\n\"\n"                    \
		"\".Lback: .asciz \\\"" behind "\\\"\\n.text\");\n"            \
		"KEEP int f(int a) { const char *p;\n"                         \
		"  asm(\"lea .Lback-1(%%rip), %0\" : \"=D\"(p)); take(p);\n"   \
		"  return a; }\n"
#define LINE    ".asciz \\\"one thing\\\\n\\\""
#define NUMBERS ".byte 5, 6, 1, 0"

static void
an_empty_text_may_be_the_end_of_a_line(void **state)
{
	(void)state;
	must_accept(LIBRARY, EMPTY(LINE, "behind"), EMPTY(LINE, "further"));
	must_refuse(LIBRARY, EMPTY(NUMBERS, "behind"),
		    EMPTY(NUMBERS, "further"), "R-17");
}

/** A table of functions, one of which is called while %rcx holds the table. */
#define COMMANDS(number, params, use, args)                                    \
	PRELUDE "void sink(const void *, int);\n"                              \
		"const void *kept;\n"                                          \
		"static long one(" params ") { " use " return a * 3 + b; }\n"  \
		"static long two(" params ") { return a * 5 + b; }\n"          \
		"static const struct { long weight; long (*run)(" params       \
		"); } commands[2] = { { " number ", one }, { 7, two } };\n"    \
		"KEEP long f(long i, long a, long b) {\n"                      \
		"  const void *t = commands; asm(\"\" : \"+c\"(t));\n"         \
		"  __typeof__(&commands[0]) p = t; a *= p[i].weight;\n"        \
		"  asm volatile(\"\" : : \"c\"(t));\n"                         \
		"  return p[i].run(" args "); }\n"
#define TWO  "long a, long b"
#define FOUR "long a, long b, long c, const void *p"

static void
a_table_of_functions_that_do_not_take_it_is_accepted(void **state)
{
	(void)state;
	must_accept(STRIPPED, COMMANDS("300", TWO, "", "a, b"),
		    COMMANDS("301", TWO, "", "a, b"));
}

static void
a_table_that_one_of_its_functions_takes_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED, COMMANDS("300", FOUR, "kept = p;", "a, b, 4, p"),
		    COMMANDS("301", FOUR, "kept = p;", "a, b, 4, p"), "R-17");
	must_refuse("gcc -g -O2 -fPIC -shared -x c",
		    COMMANDS("300", FOUR, "kept = p;", "a, b, 4, p"),
		    COMMANDS("301", FOUR, "kept = p;", "a, b, 4, p"), "R-17");
}

static void
types_say_what_the_functions_of_a_table_take(void **state)
{
	// The register goes on as it came, as far as code shows.
	static const char *const pair[] = {
		COMMANDS("300", TWO, "sink(0, 4);", "a, b"),
		COMMANDS("301", TWO, "sink(0, 4);", "a, b"),
	};

	(void)state;
	must_refuse(STRIPPED, pair[0], pair[1], "R-17");
	must_be("gcc -g -O2 -fPIC -shared -x c", pair[0], pair[1],
		GRAFT_ASSURANCE_PROVEN);
	must_be("clang -g -O2 -fPIC -shared -x c", pair[0], pair[1],
		GRAFT_ASSURANCE_PROVEN);
}

/** A constant of some name, whose address stays in %rdx where another module is
 * called. */
#define STALE(name, number)                                                    \
	PRELUDE "void sink(int, int);\n"                                       \
		"asm(\".section .rodata\\n.balign 4\\n.type " name             \
		", @object\\n\"\n"                                             \
		"\".size " name ", 16\\n" name ": .long 1, 2, " number         \
		", 4\\n.text\");\n"                                            \
		"KEEP int f(int a, int b) { const int *p;\n"                   \
		"  asm(\"lea " name "(%%rip), %0\" : \"=d\"(p));\n"            \
		"  int k = p[a & 3]; asm volatile(\"\" : : \"d\"(p));\n"       \
		"  sink(k, b); return k; }\n"

static void
a_table_that_the_compiler_made_has_no_identity(void **state)
{
	(void)state;
	must_accept(LIBRARY, STALE("CSWTCH.5", "300"),
		    STALE("CSWTCH.5", "301"));
	must_accept(LIBRARY, STALE("switch.table.f", "300"),
		    STALE("switch.table.f", "301"));
	must_refuse(LIBRARY, STALE("table.5", "300"), STALE("table.5", "301"),
		    "R-17");
	must_refuse(LIBRARY " -s", STALE("CSWTCH.5", "300"),
		    STALE("CSWTCH.5", "301"), "R-17");
}

/** The address of a table is in %rcx where one function is called, and perhaps
 * where the next one is. */
#define BETWEEN(number, does)                                                  \
	PRELUDE "void sink(int, int);\n"                                       \
		"static const int table[4] = { 1, 2, " number ", 4 };\n"       \
		"KEEP static int over(int a, int b) { " does                   \
		" return a + b; }\n"                                           \
		"KEEP int f(int a, int b) { const int *p = table;\n"           \
		"  asm(\"\" : \"+c\"(p)); int k = p[a & 3];\n"                 \
		"  asm volatile(\"\" : : \"c\"(p)); k = over(k, b);\n"         \
		"  sink(k, b); return k; }\n"

/** The same with %rdx, and a function that calls another one. */
#define THROUGH(number)                                                        \
	PRELUDE "void sink(int, int, int);\n"                                  \
		"static const int table[4] = { 1, 2, " number ", 4 };\n"       \
		"KEEP static int inner(int a) { return a * 3; }\n"             \
		"KEEP static int over(void) { return inner(7) + 1; }\n"        \
		"KEEP int f(int a, int b) { const int *p = table;\n"           \
		"  asm(\"\" : \"+d\"(p)); int k = p[a & 3];\n"                 \
		"  asm volatile(\"\" : : \"d\"(p)); k += over();\n"            \
		"  ((void (*)(int))sink)(k); return k; }\n"

static void
an_address_may_outlive_a_call_that_may_leave_its_register(void **state)
{
	(void)state;
	// Types say that the first call is handed nothing.
	must_refuse("gcc -g -O2 -fPIC -shared -x c", THROUGH("300"),
		    THROUGH("301"), "R-17");
}

static void
an_address_does_not_outlive_what_destroys_its_register(void **state)
{
#define DESTROYS "asm volatile(\"xor %%ecx, %%ecx\" : : : \"rcx\");"
#define SAVES    "asm volatile(\"push %%rcx; xor %%ecx, %%ecx; pop %%rcx\" : : );"
	(void)state;
	must_accept(STRIPPED, BETWEEN("300", DESTROYS),
		    BETWEEN("301", DESTROYS));
	must_refuse(STRIPPED, BETWEEN("300", ""), BETWEEN("301", ""), "R-17");
	must_refuse(STRIPPED, BETWEEN("300", SAVES), BETWEEN("301", SAVES),
		    "R-17");
	must_refuse(STRIPPED, BETWEEN("300", "if (a > 70) { " DESTROYS " }"),
		    BETWEEN("301", "if (a > 70) { " DESTROYS " }"), "R-17");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_changed_text_that_is_stored_is_refused),
		cmocka_unit_test(a_changed_text_that_is_compared_is_refused),
		cmocka_unit_test(a_changed_table_that_is_handed_on_is_refused),
		cmocka_unit_test(a_changed_text_that_is_passed_is_accepted),
		cmocka_unit_test(a_changed_table_that_is_read_is_accepted),
		cmocka_unit_test(a_structure_that_begins_with_text_is_no_text),
		cmocka_unit_test(a_named_text_that_a_function_keeps_is_refused),
		cmocka_unit_test(
			a_named_text_that_a_function_compares_is_refused),
		cmocka_unit_test(
			a_named_text_that_a_function_prints_is_accepted),
		cmocka_unit_test(a_named_text_that_is_returned_is_refused),
		cmocka_unit_test(an_address_that_nobody_takes_is_no_argument),
		cmocka_unit_test(
			an_address_that_the_called_function_takes_is_refused),
		cmocka_unit_test(
			a_constant_in_front_of_a_table_of_distances_ends_there),
		cmocka_unit_test(a_list_of_indexes_is_no_table_of_distances),
		cmocka_unit_test(
			a_table_of_functions_that_do_not_take_it_is_accepted),
		cmocka_unit_test(
			a_table_that_one_of_its_functions_takes_is_refused),
		cmocka_unit_test(types_say_what_the_functions_of_a_table_take),
		cmocka_unit_test(
			a_table_that_the_compiler_made_has_no_identity),
		cmocka_unit_test(
			an_address_does_not_outlive_what_destroys_its_register),
		cmocka_unit_test(an_empty_text_may_be_the_end_of_a_line),
		cmocka_unit_test(
			an_address_may_outlive_a_call_that_may_leave_its_register),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
