// SPDX-License-Identifier: Apache-2.0

#include "judge/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
rules_are_numbered_without_gaps(void **state)
{
	(void)state;
	assert_int_equal(GRAFT_RULE_COUNT, 26);
	for (enum graft_rule rule = 0; rule < GRAFT_RULE_COUNT; rule++) {
		char wire[8];
		snprintf(wire, sizeof(wire), "R-%02d", (int)rule + 1);
		assert_string_equal(graft_rule_wire(rule), wire);
		assert_true(strlen(graft_rule_text(rule)) > 8);
	}
}

static void
the_rules_of_a_process_are_not_judged_here(void **state)
{
	(void)state;
	assert_true(graft_rule_is_of_build(GRAFT_RULE_LAYOUT));
	assert_false(graft_rule_is_of_build(GRAFT_RULE_ACTIVE));
	assert_false(graft_rule_is_of_build(GRAFT_RULE_SHARED));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_numbered_without_gaps),
		cmocka_unit_test(the_rules_of_a_process_are_not_judged_here),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
