// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define GO                                                                     \
	"__attribute__((section(\".gopclntab\"))) const int table[4] = { 1 };\n"

static void
a_program_with_the_maps_of_go_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED, GO "int f(int x) { return x + 1001; }\n",
		    GO "int f(int x) { return x + 1002; }\n", "R-15");
}

static void
maps_that_only_one_build_has_are_refused_too(void **state)
{
	(void)state;
	must_refuse(STRIPPED, "int f(int x) { return x + 1001; }\n",
		    GO "int f(int x) { return x + 1002; }\n", "R-15");
	must_refuse(STRIPPED, GO "int f(int x) { return x + 1001; }\n",
		    "int f(int x) { return x + 1002; }\n", "R-15");
}

static void
any_other_program_is_accepted(void **state)
{
	(void)state;
	must_accept(STRIPPED, "int f(int x) { return x + 1001; }\n",
		    "int f(int x) { return x + 1002; }\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_with_the_maps_of_go_is_refused),
		cmocka_unit_test(maps_that_only_one_build_has_are_refused_too),
		cmocka_unit_test(any_other_program_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
