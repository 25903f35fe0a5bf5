// SPDX-License-Identifier: Apache-2.0

#include "typed.h"

/** A list of things whose members nobody knows but who casts. */
#define HIDDEN(members, pointer, value)                                        \
	PRELUDE                                                                \
	"struct inner { " members " };\n"                                      \
	"struct outer { long n; " pointer " in; };\n"                          \
	"static struct outer *head;\n"                                         \
	"KEEP void put(struct outer *o) { head = o; }\n"                       \
	"KEEP long get(long v) { return " value "; }\n"

static void
what_was_behind_a_pointer_to_void_is_found_by_its_name(void **state)
{
	(void)state;
	each_must_say(HIDDEN("long a, b;", "void *",
			     "((struct inner *)head->in)->b * v"),
		      HIDDEN("long x, a, b;", "struct inner *",
			     "head->in->b * (v + 3)"),
		      "R-02", "member a moved from byte 0 to byte 8");
	each_must_say(
		HIDDEN("long a, b;", "struct inner *", "head->in->b * (v + 3)"),
		HIDDEN("long x, a, b;", "void *",
		       "((struct inner *)head->in)->b * v"),
		"R-02", "member a moved from byte 0 to byte 8");
}

static void
a_type_that_only_a_cast_names_and_that_differs_is_refused(void **state)
{
	(void)state;
	each_must_prove(HIDDEN("long a, b;", "void *",
			       "((struct inner *)head->in)->b * v"),
			HIDDEN("long a, b;", "void *",
			       "((struct inner *)head->in)->b * (v + 3)"));
	// Code as this hides the movement from inference, too.
	each_must_say(HIDDEN("long a, b;", "void *",
			     "((struct inner *)head->in)->b * v"),
		      HIDDEN("long x, a, b;", "void *",
			     "((struct inner *)head->in)->b * (v + 3)"),
		      "R-02", "a cast may lead to it");
}

static void
types_in_units_of_their_own_are_compared_too(void **state)
{
	static const char *const own[] = {
		"gcc -g -O2 -fdebug-types-section -fPIC -shared -x c",
		"gcc -gdwarf-4 -O2 -fdebug-types-section -fPIC -shared -x c",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		must_be(own[i],
			HIDDEN("long a, b;", "void *",
			       "((struct inner *)head->in)->b * v"),
			HIDDEN("long a, b;", "void *",
			       "((struct inner *)head->in)->b * (v + 3)"),
			GRAFT_ASSURANCE_PROVEN);
		must_say(own[i],
			 HIDDEN("long a, b;", "void *",
				"((struct inner *)head->in)->b * v"),
			 HIDDEN("long x, a, b;", "void *",
				"((struct inner *)head->in)->b * (v + 3)"),
			 "R-02", "a cast may lead to it");
		must_say(own[i],
			 PRELUDE
			 "enum e { A, B }; enum e now;\n"
			 "KEEP int f(int v) { return now == B ? v : 1; }\n",
			 PRELUDE
			 "enum e { X, A, B }; enum e now;\n"
			 "KEEP int f(int v) { return now == B ? v : 1; }\n",
			 "R-24", "A was 0 and is 1");
	}
}

static void
a_type_that_only_a_cast_names_and_that_is_new_is_not_proven(void **state)
{
	(void)state;
	// What was `struct inner` may go by another name now.
	each_must_infer(HIDDEN("long a, b;", "void *",
			       "((struct inner *)head->in)->b * v"),
			HIDDEN("long a, b; }; struct other { long x, c;",
			       "void *",
			       "((struct other *)head->in)->c * (v + 3)"),
			"OLD has no type of this name");
	each_must_prove(
		HIDDEN("long a, b;", "void *",
		       "((struct inner *)head->in)->b * v"),
		HIDDEN("long a, b; }; struct other { long x, c; };\n"
		       "KEEP long use(void) { struct other o = { 1, 2 };\n"
		       " struct other *volatile p = &o; return p->x; }\n"
		       "struct more { int i;",
		       "void *", "v + use()"));
}

static void
a_type_in_frames_only_may_differ_though_its_unit_has_it(void **state)
{
	static const char *const form = PRELUDE
		"struct pair { int a; %s int b; };\n"
		"KEEP int f(int v) { struct pair p = { v, %s 1 };\n"
		" if (v > 3) v *= %s; return p.a * p.b + v; }\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), form, "", "", "7");
	snprintf(n, sizeof(n), form, "long x;", "3,", "9");
	each_must_prove(o, n);
}

static void
an_alias_template_has_one_name_for_several_types(void **state)
{
	static const char *const form =
		"struct a { long x; }; struct b { int y[5]; };\n"
		"template<bool> struct choose { template<class T, class> using type = T; };\n"
		"choose<true>::type<a, b> one; choose<true>::type<b, a> two;\n"
		"%s long f(long v) noexcept { return one.x + two.y[1] * (v + %d); }\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), form, "", 1);
	snprintf(n, sizeof(n), form, "", 2);
	must_be("g++ -g -O2 -fPIC -shared -x c++", o, n,
		GRAFT_ASSURANCE_PROVEN);
	snprintf(n, sizeof(n), form, "choose<true>::type<a *, b> three;", 2);
	must_be("g++ -g -O2 -fPIC -shared -x c++", o, n,
		GRAFT_ASSURANCE_PROVEN);
}

static void
types_that_were_split_off_are_not_proven(void **state)
{
	static const char *const split[] = {
		"gcc -g -gsplit-dwarf -O2 -fPIC -shared -x c",
		"clang -g -gsplit-dwarf -O2 -fPIC -shared -x c",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(split) / sizeof(*split); i++) {
		must_be(split[i],
			HIDDEN("long a, b;", "struct inner *", "v + 1001"),
			HIDDEN("long a, b;", "struct inner *", "v + 1002"),
			GRAFT_ASSURANCE_INFERRED);
		must_note(split[i],
			  HIDDEN("long a, b;", "struct inner *", "v + 1001"),
			  HIDDEN("long a, b;", "struct inner *", "v + 1002"),
			  "R-02");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_was_behind_a_pointer_to_void_is_found_by_its_name),
		cmocka_unit_test(
			a_type_that_only_a_cast_names_and_that_differs_is_refused),
		cmocka_unit_test(types_in_units_of_their_own_are_compared_too),
		cmocka_unit_test(
			a_type_that_only_a_cast_names_and_that_is_new_is_not_proven),
		cmocka_unit_test(
			a_type_in_frames_only_may_differ_though_its_unit_has_it),
		cmocka_unit_test(
			an_alias_template_has_one_name_for_several_types),
		cmocka_unit_test(types_that_were_split_off_are_not_proven),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
