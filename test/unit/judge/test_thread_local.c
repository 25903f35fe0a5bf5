// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define CODE                                                                   \
	"KEEP int first(void) { return a + 1; }\n"                             \
	"KEEP int second(void) { return b * 3; }\n"

static void
a_larger_block_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED, PRELUDE "static __thread int a, b;\n" CODE,
		PRELUDE
		"static __thread int a, x[4], b; int *get(void) { return x; }\n" CODE,
		"R-06");
}

static void
other_initial_contents_are_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		PRELUDE
		"static __thread int a = 1, b = 2; void put(int v) { a = b = v; }\n" CODE,
		PRELUDE
		"static __thread int a = 1, b = 3; void put(int v) { a = b = v; }\n" CODE,
		"R-06");
}

static void
two_variables_that_changed_places_are_refused(void **state)
{
	static const char *const commands[] = {
		LIBRARY,
		"cc -O2 -fPIC -shared -s -ftls-model=initial-exec -x c",
		"cc -O2 -fPIC -shared -s -mtls-dialect=gnu2 -x c",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		must_refuse(commands[i], PRELUDE "__thread int a, b;\n" CODE,
			    PRELUDE "__thread int b, a;\n" CODE, "R-06");
}

static void
a_change_beside_the_block_is_accepted(void **state)
{
	(void)state;
	must_accept(LIBRARY,
		    PRELUDE "static __thread int a, b;\n" CODE
			    "int f(int n) { return n + 1001; }\n",
		    PRELUDE "static __thread int a, b;\n" CODE
			    "int f(int n) { return n + 1002; }\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_larger_block_is_refused),
		cmocka_unit_test(other_initial_contents_are_refused),
		cmocka_unit_test(two_variables_that_changed_places_are_refused),
		cmocka_unit_test(a_change_beside_the_block_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
