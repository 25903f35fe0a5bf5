// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

static void
an_export_that_is_gone_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		"int a(int x) { return x + 1001; }\nint b(int x) { return x * 3; }\n",
		"int a(int x) { return x + 1002; }\n", "R-08");
}

static void
a_function_that_became_an_object_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		"int a(int x) { return x + 1001; }\nint b(int x) { return x * 3; }\n",
		"int a(int x) { return x + 1002; }\nint b[2] = { 1, 2 };\n",
		"R-08");
}

static void
a_function_that_became_indirect_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		"int a(int x) { return x + 1001; }\nint b(int x) { return x * 3; }\n",
		"int a(int x) { return x + 1001; }\nstatic int c(int x) { return x * 3; }\n"
		"static int (*pick(void))(int) { return c; }\n"
		"int b(int x) __attribute__((ifunc(\"pick\")));\n",
		"R-08");
}

static void
another_export_is_accepted(void **state)
{
	(void)state;
	must_accept(
		STRIPPED, "int a(int x) { return x + 1001; }\n",
		"int a(int x) { return x + 1002; }\nint b(int x) { return x * 3; }\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_export_that_is_gone_is_refused),
		cmocka_unit_test(a_function_that_became_an_object_is_refused),
		cmocka_unit_test(a_function_that_became_indirect_is_refused),
		cmocka_unit_test(another_export_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
