// SPDX-License-Identifier: Apache-2.0

#include "typed.h"

/** Limits that are set and asked for; others show them. */
#define LIMITS(set, ask)                                                       \
	PRELUDE                                                                \
	"struct limits { int id, soft, hard, used; };\n"                       \
	"KEEP void set(struct limits *l, int a, int b) { " set                 \
	"; l->used += a + b; }\n"                                              \
	"KEEP int ask(const struct limits *l, int n) { return " ask            \
	" + l->used; }\n"                                                      \
	"KEEP int show(const struct limits *l) {\n"                            \
	"  return l->soft * 2 + l->hard * 3 + l->id; }\n"

/** The same as variables. */
#define VARIABLES(seen, set, ask)                                              \
	PRELUDE                                                                \
	"__attribute__((visibility(\"" seen "\"))) int soft, hard, used;\n"    \
	"KEEP int show(void) { return soft * 2 + hard * 3; }\n"                \
	"KEEP void init(void) { soft = 1; hard = 2; }\n"                       \
	"KEEP void set(int a) { " set "; used += a; }\n"                       \
	"KEEP int ask(int n) { return (" ask ") + used; }\n"

/** The same as bits. */
#define BITS(set, ask)                                                         \
	PRELUDE                                                                \
	"struct limits { unsigned soft : 1, hard : 1, low : 1; int used; };\n" \
	"KEEP void set(struct limits *l, int a) { " set "; l->used += a; }\n"  \
	"KEEP int ask(const struct limits *l, int n) {\n"                      \
	"  return " ask " ? n : l->used; }\n"                                  \
	"KEEP int show(const struct limits *l) {\n"                            \
	"  return l->soft * 2 + l->hard * 3 + l->low; }\n"

static void
each_must_refuse(const char *o, const char *n, const char *rule)
{
	each_must_say(o, n, "R-24", "and reads it there");
	each_must_say(n, o, "R-24", "and reads it there");
	must_refuse(STRIPPED, o, n, rule);
}

static void
a_member_in_place_of_another_is_refused(void **state)
{
	(void)state;
	each_must_refuse(LIMITS("l->soft = a", "(n > l->soft ? -1 : 0)"),
			 LIMITS("l->hard = a", "(n > l->hard ? -1 : 0)"),
			 "R-02");
}

static void
members_that_traded_places_are_refused(void **state)
{
	(void)state;
	each_must_refuse(LIMITS("l->soft = a; l->hard = b",
				"(n > l->hard ? -1 : 0) * l->soft"),
			 LIMITS("l->soft = b; l->hard = a",
				"(n > l->soft ? -1 : 0) * l->hard"),
			 "R-02");
}

static void
a_variable_in_place_of_another_is_refused(void **state)
{
	(void)state;
	each_must_refuse(VARIABLES("hidden", "soft = a", "n > soft ? -1 : 0"),
			 VARIABLES("hidden", "hard = a", "n > hard ? -1 : 0"),
			 "R-01");
}

static void
a_variable_that_others_see_in_place_of_another_is_refused(void **state)
{
	(void)state;
	each_must_refuse(VARIABLES("default", "soft = a", "n > soft ? -1 : 0"),
			 VARIABLES("default", "hard = a", "n > hard ? -1 : 0"),
			 "R-24");
}

static void
another_variable_that_is_only_read_is_accepted(void **state)
{
	(void)state;
	each_must_prove(VARIABLES("default", "soft = a", "n > soft ? -1 : 0"),
			VARIABLES("default", "soft = a", "n > hard ? -1 : 0"));
	each_must_prove(VARIABLES("hidden", "soft = a", "n > soft ? -1 : 0"),
			VARIABLES("hidden", "soft = a", "n > hard ? -1 : 0"));
}

static void
a_bit_in_place_of_another_is_refused(void **state)
{
	(void)state;
	must_say("gcc -g -O2 -fPIC -shared -x c",
		 BITS("l->soft = a", "l->soft"), BITS("l->hard = a", "l->hard"),
		 "R-24", "and reads it there");
	must_say("clang -g -O2 -fPIC -shared -x c",
		 BITS("l->soft = a", "l->soft"), BITS("l->hard = a", "l->hard"),
		 "R-24", "and reads it there");
	must_refuse(STRIPPED, BITS("l->soft = a", "l->soft"),
		    BITS("l->hard = a", "l->hard"), "R-02");
}

static void
another_bit_that_is_only_read_is_accepted(void **state)
{
	(void)state;
	each_must_prove(BITS("l->soft = a", "l->soft"),
			BITS("l->soft = a", "l->hard"));
}

static void
another_member_that_is_only_set_is_accepted(void **state)
{
	(void)state;
	each_must_prove(LIMITS("l->soft = a", "(n > l->soft ? -1 : 0)"),
			LIMITS("l->hard = a", "(n > l->soft ? -1 : 0)"));
}

static void
another_member_that_is_only_read_is_accepted(void **state)
{
	(void)state;
	each_must_prove(
		LIMITS("l->soft = a; l->hard = b", "(n > l->soft ? -1 : 0)"),
		LIMITS("l->soft = a; l->hard = b", "(n > l->hard ? -1 : 0)"));
}

static void
stores_and_loads_in_another_order_are_accepted(void **state)
{
	(void)state;
	each_must_prove(
		LIMITS("l->soft = a; l->hard = b",
		       "(n > l->soft ? -1 : n < l->hard)"),
		LIMITS("l->hard = b; if (n_is_low(a)) return; l->soft = a",
		       "(n < l->hard ? 1 : -(n > l->soft))") "int n_is_low(int a) { return a < 1; }\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_member_in_place_of_another_is_refused),
		cmocka_unit_test(members_that_traded_places_are_refused),
		cmocka_unit_test(a_variable_in_place_of_another_is_refused),
		cmocka_unit_test(
			a_variable_that_others_see_in_place_of_another_is_refused),
		cmocka_unit_test(
			another_variable_that_is_only_read_is_accepted),
		cmocka_unit_test(a_bit_in_place_of_another_is_refused),
		cmocka_unit_test(another_bit_that_is_only_read_is_accepted),
		cmocka_unit_test(another_member_that_is_only_set_is_accepted),
		cmocka_unit_test(another_member_that_is_only_read_is_accepted),
		cmocka_unit_test(
			stores_and_loads_in_another_order_are_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
