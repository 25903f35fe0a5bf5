// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

static void
one_argument_more_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED, "int f(int a) { return a + 1; }\n",
		    "int f(int a, int b) { return a * 77 + b; }\n", "R-09");
}

static void
a_vector_argument_more_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED, "double f(double a) { return a + 1; }\n",
		    "double f(double a, double b) { return a * 77 + b; }\n",
		    "R-09");
}

static void
an_argument_that_is_passed_on_counts(void **state)
{
	(void)state;
	must_refuse(STRIPPED,
		    PRELUDE
		    "KEEP static int in(int a, int b) { return a * b + 3; }\n"
		    "int g(int a, int b) { return in(b, a); }\n"
		    "int f(int a) { return in(a, 4) + 1; }\n",
		    PRELUDE
		    "KEEP static int in(int a, int b) { return a * b + 3; }\n"
		    "int g(int a, int b) { return in(b, a); }\n"
		    "int f(int a, int b) { return in(a, b) + 1; }\n",
		    "R-09");
}

static void
a_function_that_returns_nothing_any_more_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED, "int f(int *a) { *a = 4; return *a + 1; }\n",
		    "void f(int *a) { *a += 4; }\n", "R-09");
}

static void
one_argument_less_is_accepted(void **state)
{
	(void)state;
	must_accept(STRIPPED, "int f(int a, int b) { return a * 77 + b; }\n",
		    "int f(int a, int b) { return a + 1001; }\n");
}

static void
callers_that_are_carried_may_pass_more(void **state)
{
	(void)state;
	must_accept(LIBRARY,
		    PRELUDE "KEEP static int in(int a) { return a * 5 + 3; }\n"
			    "int f(int a) { return in(a) + 1; }\n",
		    PRELUDE
		    "KEEP static int in(int a, int b) { return a * b + 3; }\n"
		    "int f(int a) { return in(a, 9) + 1; }\n");
}

static void
an_argument_that_outlives_a_call_is_read(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		"__attribute__((noinline)) static int in(int *a) { return *a += 3; }\n"
		"int f(int *a, int b) { return in(a) + b; }\n",
		"__attribute__((noinline)) static int in(int *a) { return *a += 3; }\n"
		"int f(int *a, int b) { if (b < 0) return -1; return in(a) + b; }\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_argument_more_is_refused),
		cmocka_unit_test(a_vector_argument_more_is_refused),
		cmocka_unit_test(an_argument_that_is_passed_on_counts),
		cmocka_unit_test(
			a_function_that_returns_nothing_any_more_is_refused),
		cmocka_unit_test(one_argument_less_is_accepted),
		cmocka_unit_test(callers_that_are_carried_may_pass_more),
		cmocka_unit_test(an_argument_that_outlives_a_call_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
