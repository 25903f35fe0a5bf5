// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

static void
a_new_object_of_two_functions_is_refused(void **state)
{
	(void)state;
	must_refuse(
		LIBRARY,
		PRELUDE "int sum;\n"
			"KEEP void set(int x) { sum = x; }\n"
			"KEEP int get(int x) { return sum + x; }\n",
		PRELUDE
		"int sum; static int limit;\n"
		"KEEP void set(int x) { sum = x; limit = x * 2; }\n"
		"KEEP int get(int x) { if (x > limit) return 0; return sum + x; }\n",
		"R-19");
}

static void
a_new_object_of_one_function_is_accepted(void **state)
{
	(void)state;
	must_accept(
		LIBRARY,
		PRELUDE "int sum;\n"
			"KEEP void set(int x) { sum = x; }\n"
			"KEEP int get(int x) { return sum + x; }\n",
		PRELUDE
		"int sum;\n"
		"KEEP void set(int x) { sum = x; }\n"
		"KEEP int get(int x) { static int calls; if (++calls > 9) return 0; return sum + x; }\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_object_of_two_functions_is_refused),
		cmocka_unit_test(a_new_object_of_one_function_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
