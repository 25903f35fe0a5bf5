// SPDX-License-Identifier: Apache-2.0

#include "diff/unwind/frame_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
rules_that_compilers_write_may_move(void **state)
{
	// def_cfa r7+8, offset r16; advance, def_cfa_offset, remember, restore;
	// expression r6 (breg6+0), def_cfa_expression (breg6-8, deref).
	static const uint8_t rules[] = {
		0x0c, 0x07, 0x08, 0x90, 0x01, 0x41, 0x0e, 0x10, 0x0a,
		0x0b, 0x10, 0x06, 0x02, 0x76, 0x00, 0x0f, 0x03, 0x76,
		0x78, 0x06, 0x02, 0x10, 0xc3, 0x2e, 0x10, 0x00,
	};

	(void)state;
	assert_true(graft_frame_rules_move(rules, sizeof(rules)));
	assert_true(graft_frame_rules_move(rules, 0));
}

static void
rules_with_addresses_may_not_move(void **state)
{
	// set_loc; an expression that pushes an address; an unknown one.
	static const uint8_t set_loc[] = { 0x01, 0, 0, 0, 0 };
	static const uint8_t addr[] = { 0x0f, 9, 0x03, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t unknown[] = { 0x3f };

	(void)state;
	assert_false(graft_frame_rules_move(set_loc, sizeof(set_loc)));
	assert_false(graft_frame_rules_move(addr, sizeof(addr)));
	assert_false(graft_frame_rules_move(unknown, sizeof(unknown)));
}

static void
rules_that_are_cut_may_not_move(void **state)
{
	static const uint8_t def_cfa[] = { 0x0c, 0x07, 0x08 };
	static const uint8_t block[] = { 0x0f, 0x03, 0x76, 0x78 };

	(void)state;
	assert_true(graft_frame_rules_move(def_cfa, 3));
	assert_false(graft_frame_rules_move(def_cfa, 2));
	assert_false(graft_frame_rules_move(block, sizeof(block)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_that_compilers_write_may_move),
		cmocka_unit_test(rules_with_addresses_may_not_move),
		cmocka_unit_test(rules_that_are_cut_may_not_move),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
