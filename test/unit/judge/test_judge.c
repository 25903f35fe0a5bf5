// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

static void
two_builds_of_one_source_are_identical(void **state)
{
	static const char source[] = PRELUDE
		"static int v = 4; static const char *s = \"text\";\n"
		"int f(int x) { v += x; return v + s[x & 3]; }\n"
		"__attribute__((constructor)) static void up(void) { v++; }\n";

	(void)state;
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(STRIPPED, source,
							source);
	print_reasons(&result);
	assert_int_equal(result.verdict, GRAFT_VERDICT_IDENTICAL);
	assert_int_equal(result.assurance, GRAFT_ASSURANCE_NONE);
	assert_int_equal(result.reason_count, 0);
}

static void
the_same_code_on_other_data_is_not_identical(void **state)
{
	(void)state;
	must_refuse(STRIPPED, "int v = 4; int f(int x) { return v += x; }\n",
		    "int v = 5; int f(int x) { return v += x; }\n", "R-04");
}

static void
many_places_of_one_rule_are_counted(void **state)
{
	char o[8192] = "struct s { long a[40]; };\n";
	char n[8192] = "struct s { long x, a[40]; };\n";

	(void)state;
	for (int i = 0; i < 20; i++) {
		char line[128];
		snprintf(line, sizeof(line),
			 "long f%d(struct s *p) { return p->a[%d] + %d; }\n", i,
			 i, i);
		strcat(o, line);
		strcat(n, line);
	}
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(LIBRARY, o, n);
	size_t count = 0;
	bool more = false;
	for (size_t i = 0; i < result.reason_count; i++) {
		count += strcmp(result.reasons[i].rule, "R-02") == 0;
		more |= strcmp(result.reasons[i].text, "and 8 more places") ==
			0;
	}
	assert_int_equal(result.verdict, GRAFT_VERDICT_BASELINE);
	assert_int_equal(count, 13);
	assert_true(more);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_builds_of_one_source_are_identical),
		cmocka_unit_test(the_same_code_on_other_data_is_not_identical),
		cmocka_unit_test(many_places_of_one_rule_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
