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

#define TABLE_USER                                                             \
	"static int first[4], last[4]; int sum;\n"                             \
	"KEEP int a(int x) { return first[x & 3] + ++sum; }\n"                 \
	"KEEP int z(int x) { last[x & 3] = x; return last[1]; }\n"

static void
a_table_that_another_function_fills_is_refused_without_symbols(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		PRELUDE TABLE_USER "KEEP void set(int x) { sum = x; }\n"
				   "KEEP int get(int x) { return sum + x; }\n",
		PRELUDE
		"static int first[4], table[16], last[4]; int sum;\n"
		"KEEP int a(int x) { return first[x & 3] + ++sum; }\n"
		"KEEP int z(int x) { last[x & 3] = x; return last[1]; }\n"
		"KEEP void set(int x) { sum = x; for (int i = 0; i < 16; i++) table[i] = i * x; }\n"
		"KEEP int get(int x) { return sum + table[x & 15]; }\n",
		"R-19");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_object_of_two_functions_is_refused),
		cmocka_unit_test(a_new_object_of_one_function_is_accepted),
		cmocka_unit_test(
			a_table_that_another_function_fills_is_refused_without_symbols),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
