// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

static void
a_changed_main_is_noted(void **state)
{
	(void)state;
	must_note(PROGRAM, "int main(int c, char **v) { return c + 1; }\n",
		  "int main(int c, char **v) { return c + 2; }\n", "R-21");
}

static void
what_main_calls_once_is_noted(void **state)
{
	(void)state;
	must_note(
		PROGRAM,
		PRELUDE
		"KEEP int setup(int x) { return x * 3; }\n"
		"KEEP int serve(int x) { return x - 1001; }\n"
		"int main(int c, char **v) { int k = setup(c); while (serve(c++) < 90) k++; return k; }\n",
		PRELUDE
		"KEEP int setup(int x) { return x * 5; }\n"
		"KEEP int serve(int x) { return x - 1001; }\n"
		"int main(int c, char **v) { int k = setup(c); while (serve(c++) < 90) k++; return k; }\n",
		"R-21");
}

static void
what_main_calls_again_and_again_is_not(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(
		PROGRAM,
		PRELUDE
		"KEEP int serve(int x) { return x - 1001; }\n"
		"int main(int c, char **v) { int k = 0; while (serve(c++) < 90) k++; return k; }\n",
		PRELUDE
		"KEEP int serve(int x) { return x - 1002; }\n"
		"int main(int c, char **v) { int k = 0; while (serve(c++) < 90) k++; return k; }\n");

	assert_int_equal(result.verdict, GRAFT_VERDICT_HOTPATCH);
	assert_null(find_reason(&result, "R-21", true));
}

static void
a_loop_without_end_is_noted(void **state)
{
	(void)state;
	must_note(
		LIBRARY,
		"int step(int);\nvoid f(int x) { for (;;) x = step(x + 1); }\n",
		"int step(int);\nvoid f(int x) { for (;;) x = step(x + 2); }\n",
		"R-21");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_changed_main_is_noted),
		cmocka_unit_test(what_main_calls_once_is_noted),
		cmocka_unit_test(what_main_calls_again_and_again_is_not),
		cmocka_unit_test(a_loop_without_end_is_noted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
