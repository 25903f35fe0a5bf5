// SPDX-License-Identifier: Apache-2.0

// What is left of a name without the numbers of compilers.

#include "diff/match/stem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool
same(const char *a, const char *b, enum graft_stem_level level)
{
	struct graft_stem x = graft_stem_of(a, true);
	struct graft_stem y = graft_stem_of(b, true);
	int order = graft_stem_compare(&x, &y, level);
	int back = graft_stem_compare(&y, &x, level);

	assert_int_equal(order, -back);
	return order == 0;
}

/** Names that differ in what is counted among namesakes only. */
static void
assert_counted(const char *a, const char *b)
{
	struct graft_stem stem = graft_stem_of(b, true);

	if (!same(a, b, GRAFT_STEM_ALL))
		fail_msg("%s and %s are not of one stem", a, b);
	assert_false(same(a, b, GRAFT_STEM_COMMON));
	assert_true(graft_stem_is_numbered(&stem));
}

static void
assert_apart(const char *a, const char *b)
{
	if (same(a, b, GRAFT_STEM_ALL))
		fail_msg("%s and %s are of one stem", a, b);
}

static void
a_lambda_is_known_without_its_number(void **state)
{
	(void)state;
	assert_counted("_ZZL5setupvENKUliE_clEi", "_ZZL5setupvENKUliE0_clEi");
	assert_counted("_ZZL5setupvENKUliE0_clEi", "_ZZL5setupvENKUliE10_clEi");
	assert_counted("_ZZL5setupvENUliE_4_FUNEi",
		       "_ZZL5setupvENUliE0_4_FUNEi");
	assert_counted("_ZZZL1fiENKUliE0_clEiE1z", "_ZZZL1fiENKUliE1_clEiE1z");
	assert_apart("_ZZL5setupvENKUliE_clEi", "_ZZL6finishvENKUliE_clEi");
	assert_apart("_ZZL5setupvENKUliE_clEi", "_ZZL5setupvENKUlvE_clEv");
}

static void
a_template_for_a_lambda_is_known_without_its_number(void **state)
{
	(void)state;
	assert_counted("_Z1gIZ2hhvEUlvE_EvT_", "_Z1gIZ2hhvEUlvE0_EvT_");
	assert_counted("_ZZ1gIZ2hhvEUlvE_EvT_E1z", "_ZZ1gIZ2hhvEUlvE0_EvT_E1z");
	assert_counted("_ZNSt17_Function_handlerIFiiEZL5setupvEUliE_E9_M_"
		       "invokeERKSt9_Any_dataOi",
		       "_ZNSt17_Function_handlerIFiiEZL5setupvEUliE2_E9_M_"
		       "invokeERKSt9_Any_dataOi");
}

static void
an_unnamed_or_local_type_is_known_without_its_number(void **state)
{
	(void)state;
	assert_counted("_ZZ2f2vENUt_1mEv", "_ZZ2f2vENUt0_1mEv");
	assert_counted("_ZZL1fiEN1S1mEi", "_ZZL1fiEN1S1mE_0i");
	assert_counted("_ZZL1fiE1q", "_ZZL1fiE1q_0");
	assert_counted("_ZZL1fiE1q_9", "_ZZL1fiE1q__10_");
	assert_counted("_ZGVZL1fiE1h", "_ZGVZL1fiE1h_0");
	assert_counted("_Z1gIZ1fvE1S_0EvT_", "_Z1gIZ1fvE1S_1EvT_");
}

static void
a_closure_of_rust_is_known_without_its_hash(void **state)
{
	(void)state;
	assert_counted("_ZN1r5setup28_$u7b$$u7b$closure$u7d$$u7d$"
		       "17h0123456789abcdefE",
		       "_ZN1r5setup28_$u7b$$u7b$closure$u7d$$u7d$"
		       "17hfedcba9876543210E");
}

static void
what_is_counted_over_a_file_may_differ_in_one_thing(void **state)
{
	static const char *const names[][2] = {
		{ "_ZZL5setupvEN3$_18__invokeEi",
		  "_ZZL5setupvEN4$_108__invokeEi" },
		{ "counter.1", "counter.22" },
		{ "object.2.1", "object" },
		{ "main._omp_fn.0", "main._omp_fn.1" },
		{ "f.constprop.0.cold", "f.constprop.1.cold" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_true(same(names[i][0], names[i][1], GRAFT_STEM_ALL));
		assert_true(same(names[i][0], names[i][1], GRAFT_STEM_COMMON));
	}
}

static void
a_number_that_its_author_wrote_stays(void **state)
{
	static const char *const names[][2] = {
		{ "STATE_1", "STATE_2" },
		{ "step1", "step2" },
		{ "_Z6step_1v", "_Z6step_2v" },
		{ "_ZN1A6STATE_1Ev", "_ZN1A6STATE_2Ev" },
		{ "_ZN1A5step1EUl", "_ZN1A5step2EUl" },
		{ "_ZNSt6vectorIiE8_M_beginEv", "_ZNSt6vectorIlE8_M_beginEv" },
		{ "f.part.0", "f.isra.0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_apart(names[i][0], names[i][1]);
}

static void
a_dot_in_a_global_name_begins_no_number(void **state)
{
	struct graft_stem a = graft_stem_of("f.1", false);
	struct graft_stem b = graft_stem_of("f.2", false);

	(void)state;
	assert_int_not_equal(graft_stem_compare(&a, &b, GRAFT_STEM_ALL), 0);
	assert_false(graft_stem_is_numbered(&a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lambda_is_known_without_its_number),
		cmocka_unit_test(
			a_template_for_a_lambda_is_known_without_its_number),
		cmocka_unit_test(
			an_unnamed_or_local_type_is_known_without_its_number),
		cmocka_unit_test(a_closure_of_rust_is_known_without_its_hash),
		cmocka_unit_test(
			what_is_counted_over_a_file_may_differ_in_one_thing),
		cmocka_unit_test(a_number_that_its_author_wrote_stays),
		cmocka_unit_test(a_dot_in_a_global_name_begins_no_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
