// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

/** A function whose seldom way is cut off if `fail` does not come back. */
#define SELDOM(returns, state)                                                 \
	"struct s { long k; int state; unsigned flags; long d[8]; int n; };\n" \
	"void say(long); " returns " void fail(void);\n"                       \
	"int get(struct s *p) { return p->state; }\n"                          \
	"int f(struct s *p, int x) { if (x > 5) { p->state = " state           \
	"; p->flags = x * 3; p->d[2] = x; fail(); return -1; }"                \
	" p->n += x; say(p->n); return p->n * 3; }\n"
#define STAYS "__attribute__((noreturn, cold))"

static void
code_that_moved_into_a_cold_part_is_compared(void **state)
{
	(void)state;
	must_refuse(STRIPPED, SELDOM("", "3"), SELDOM(STAYS, "9"), "R-24");
}

static void
code_that_moved_out_of_a_cold_part_is_compared(void **state)
{
	(void)state;
	must_refuse(STRIPPED, SELDOM(STAYS, "3"), SELDOM("", "9"), "R-24");
}

static void
code_that_moved_into_a_cold_part_as_it_was_is_accepted(void **state)
{
	(void)state;
	must_accept(STRIPPED, SELDOM("", "3"), SELDOM(STAYS, "3"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_that_moved_into_a_cold_part_is_compared),
		cmocka_unit_test(
			code_that_moved_out_of_a_cold_part_is_compared),
		cmocka_unit_test(
			code_that_moved_into_a_cold_part_as_it_was_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
