// SPDX-License-Identifier: Apache-2.0

#include "typed.h"

/** A timer, and the form in which it keeps its time. */
#define TIMER(store, load)                                                     \
	PRELUDE                                                                \
	"struct timer { long id; long due; };\n"                               \
	"KEEP void set(struct timer *t, int s) { t->id++; t->due = " store     \
	"; }\n"                                                                \
	"KEEP int is_due(struct timer *t, long now) { return now >= " load     \
	" && t->id; }\n"

static void
each_must_refuse(const char *o, const char *n)
{
	each_must_say(o, n, "R-24", "another unit or form");
	each_must_say(n, o, "R-24", "another unit or form");
}

static void
a_value_that_is_stored_in_another_unit_is_refused(void **state)
{
	(void)state;
	each_must_refuse(TIMER("s", "t->due * 1000"),
			 TIMER("s * 1000L", "t->due"));
	each_must_refuse(TIMER("s * 1000L", "t->due"),
			 TIMER("s * 1000000L", "t->due / 1000"));
	each_must_refuse(TIMER("s", "t->due << 4"),
			 TIMER("(long)s << 4", "t->due"));
	must_refuse(STRIPPED, TIMER("s", "t->due * 1000"),
		    TIMER("s * 1000L", "t->due"), "R-24");
}

static void
a_value_of_which_only_the_store_was_turned_is_refused(void **state)
{
	(void)state;
	each_must_refuse(TIMER("s", "t->due"),
			 TIMER("__builtin_bswap64(s)", "t->due"));
	each_must_refuse(TIMER("s", "t->due"), TIMER("~(long)s", "t->due"));
	must_refuse(STRIPPED, TIMER("s", "t->due"), TIMER("-(long)s", "t->due"),
		    "R-24");
}

static void
a_value_that_is_only_read_in_another_unit_is_accepted(void **state)
{
	(void)state;
	each_must_prove(TIMER("s", "t->due"), TIMER("s", "t->due * 1000"));
}

static void
a_check_before_a_store_in_the_same_unit_is_accepted(void **state)
{
	(void)state;
	each_must_prove(PRELUDE "struct timer { long id; long due; };\n"
				"KEEP void set(struct timer *t, int s) {\n"
				"  t->due = s * 1000L; t->id = s; }\n",
			PRELUDE "struct timer { long id; long due; };\n"
				"KEEP void set(struct timer *t, int s) {\n"
				"  if (s < 0 || s > 1000000) return;\n"
				"  t->due = s * 1000L; t->id = s; }\n");
}

static void
another_value_in_place_of_one_is_no_other_unit(void **state)
{
	(void)state;
	each_must_prove(
		PRELUDE "struct timer { long id; long due; };\n"
			"KEEP void set(struct timer *t, int s, int n) {\n"
			"  t->due = s; t->id = n; }\n",
		PRELUDE "struct timer { long id; long due; };\n"
			"KEEP void set(struct timer *t, int s, int n) {\n"
			"  t->due = n * 8L; t->id = n; }\n");
}

static void
another_value_that_is_thrown_is_accepted(void **state)
{
	(void)state;
	must_accept(
		CXX, "int f(long x) { if (x > 7) throw x; return (int)x * 3; }",
		"int f(long x) { if (x > 7) throw x * 5; return (int)x * 3; }");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_value_that_is_thrown_is_accepted),
		cmocka_unit_test(
			a_value_that_is_stored_in_another_unit_is_refused),
		cmocka_unit_test(
			a_value_of_which_only_the_store_was_turned_is_refused),
		cmocka_unit_test(
			a_value_that_is_only_read_in_another_unit_is_accepted),
		cmocka_unit_test(
			a_check_before_a_store_in_the_same_unit_is_accepted),
		cmocka_unit_test(
			another_value_in_place_of_one_is_no_other_unit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
