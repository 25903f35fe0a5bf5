// SPDX-License-Identifier: Apache-2.0

#include "explain/remedy.h"

#include "judge/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
every_rule_has_a_remedy_of_its_own(void **state)
{
	(void)state;
	for (enum graft_rule rule = 0; rule < GRAFT_RULE_COUNT; rule++) {
		const char *text = graft_remedy_text(graft_rule_wire(rule));
		assert_true(strlen(text) > 40);
		assert_string_equal(graft_remedy_about(graft_rule_wire(rule)),
				    graft_rule_text(rule));
		for (enum graft_rule other = 0; other < rule; other++)
			assert_string_not_equal(
				text,
				graft_remedy_text(graft_rule_wire(other)));
	}
}

static void
an_unknown_rule_has_none(void **state)
{
	(void)state;
	assert_string_equal(graft_remedy_text("R-4"), "");
	assert_string_equal(graft_remedy_about(""), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_has_a_remedy_of_its_own),
		cmocka_unit_test(an_unknown_rule_has_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
