// SPDX-License-Identifier: Apache-2.0

#include "proc/expression.h"

#include <dwarf.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint64_t memory[8];

/** The target's memory is at 0x1000. */
static bool
read_word(void *arg, uint64_t addr, uint64_t *ret)
{
	(void)arg;
	if (addr < 0x1000 || addr > 0x1000 + sizeof(memory) - 8 || addr % 8)
		return false;
	*ret = memory[(addr - 0x1000) / 8];
	return true;
}

static bool
run(const struct graft_dwarf_regs *regs, const uint64_t *cfa,
    const Dwarf_Op *ops, size_t count, uint64_t *ret, bool *is_value_ret)
{
	struct graft_expression_context context = { .regs = regs,
						    .cfa = cfa,
						    .read = read_word };
	return graft_expression_run(&context, ops, count, ret, is_value_ret);
}

/** Run operations that have one argument at most; offsets are not used. */
#define RUN(regs, cfa, ret, is_value, ...)                                     \
	({                                                                     \
		const Dwarf_Op ops_[] = { __VA_ARGS__ };                       \
		run(regs, cfa, ops_, sizeof(ops_) / sizeof(ops_[0]), ret,      \
		    is_value);                                                 \
	})

static const struct graft_dwarf_regs none;

static void
a_plt_rule_gives_the_cfa_at_each_half_of_an_entry(void **state)
{
	(void)state;
	struct graft_dwarf_regs regs = {
		.known = 1U << GRAFT_DWARF_RSP | 1U << GRAFT_DWARF_RIP,
	};
	uint64_t result = 0;
	bool is_value = false;
	for (uint64_t at = 0; at < 16; at++) {
		regs.value[GRAFT_DWARF_RSP] = 0x7000;
		regs.value[GRAFT_DWARF_RIP] = 0x401020 + at;
		assert_true(RUN(&regs, NULL, &result, &is_value,
				{ .atom = DW_OP_breg7, .number = 8 },
				{ .atom = DW_OP_breg16 },
				{ .atom = DW_OP_lit15 }, { .atom = DW_OP_and },
				{ .atom = DW_OP_lit11 }, { .atom = DW_OP_ge },
				{ .atom = DW_OP_lit3 }, { .atom = DW_OP_shl },
				{ .atom = DW_OP_plus }));
		assert_int_equal(result, at < 11 ? 0x7008 : 0x7010);
		assert_false(is_value);
	}
}

static void
registers_and_memory_give_the_word_behind_a_pointer(void **state)
{
	(void)state;
	struct graft_dwarf_regs regs = { .known = 1U << GRAFT_DWARF_RSP };
	uint64_t result = 0;
	bool is_value = false;
	regs.value[GRAFT_DWARF_RSP] = 0x1000;
	memory[2] = 0x1122334455667788;
	assert_true(RUN(&regs, NULL, &result, &is_value,
			{ .atom = DW_OP_breg7, .number = 16 },
			{ .atom = DW_OP_deref }));
	assert_int_equal(result, 0x1122334455667788);
	assert_true(RUN(&regs, NULL, &result, &is_value,
			{ .atom = DW_OP_bregx, .number = 7, .number2 = 16 },
			{ .atom = DW_OP_deref_size, .number = 2 }));
	assert_int_equal(result, 0x7788);
}

static void
a_stack_value_is_said_to_be_one(void **state)
{
	(void)state;
	uint64_t cfa = 0x5000;
	uint64_t result = 0;
	bool is_value = false;
	assert_true(RUN(&none, &cfa, &result, &is_value,
			{ .atom = DW_OP_call_frame_cfa },
			{ .atom = DW_OP_const1s, .number = (uint64_t)-16 },
			{ .atom = DW_OP_plus }, { .atom = DW_OP_stack_value }));
	assert_int_equal(result, 0x4ff0);
	assert_true(is_value);
	assert_false(RUN(&none, &cfa, &result, &is_value,
			 { .atom = DW_OP_lit0 }, { .atom = DW_OP_stack_value },
			 { .atom = DW_OP_lit1 }));
}

static void
arithmetic_and_order_of_operands_are_those_of_dwarf(void **state)
{
	(void)state;
	const struct {
		uint8_t atom;
		uint64_t left;
		uint64_t right;
		uint64_t result;
	} cases[] = {
		{ DW_OP_minus, 7, 9, (uint64_t)-2 },
		{ DW_OP_mul, 7, 9, 63 },
		{ DW_OP_or, 5, 2, 7 },
		{ DW_OP_xor, 5, 1, 4 },
		{ DW_OP_shl, 1, 64, 0 },
		{ DW_OP_shr, (uint64_t)-1, 63, 1 },
		{ DW_OP_shra, (uint64_t)-8, 1, (uint64_t)-4 },
		{ DW_OP_shra, (uint64_t)-8, 200, (uint64_t)-1 },
		{ DW_OP_lt, (uint64_t)-1, 0, 1 },
		{ DW_OP_le, 1, 1, 1 },
		{ DW_OP_gt, (uint64_t)-1, 0, 0 },
		{ DW_OP_eq, 4, 4, 1 },
		{ DW_OP_ne, 4, 4, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t result = 0;
		bool is_value = false;
		assert_true(
			RUN(&none, NULL, &result, &is_value,
			    { .atom = DW_OP_const8u, .number = cases[i].left },
			    { .atom = DW_OP_constu, .number = cases[i].right },
			    { .atom = cases[i].atom }));
		assert_int_equal(result, cases[i].result);
	}
}

static void
rot_over_and_pick_move_what_they_should(void **state)
{
	(void)state;
	uint64_t result = 0;
	bool is_value = false;
	// 1 2 3 -> rot -> 3 1 2; minus: 1 - 2; minus: 3 - -1.
	assert_true(RUN(&none, NULL, &result, &is_value, { .atom = DW_OP_lit1 },
			{ .atom = DW_OP_lit2 }, { .atom = DW_OP_lit3 },
			{ .atom = DW_OP_rot }, { .atom = DW_OP_minus },
			{ .atom = DW_OP_minus }));
	assert_int_equal(result, 4);
	// 1 2 -> over -> 1 2 1 -> pick 2 -> 1 2 1 1 -> swap, plus.
	assert_true(RUN(&none, NULL, &result, &is_value, { .atom = DW_OP_lit1 },
			{ .atom = DW_OP_lit2 }, { .atom = DW_OP_over },
			{ .atom = DW_OP_pick, .number = 2 },
			{ .atom = DW_OP_swap }, { .atom = DW_OP_plus }));
	assert_int_equal(result, 2);
}

static void
branches_go_to_operations_and_not_between(void **state)
{
	(void)state;
	uint64_t result = 0;
	bool is_value = false;
	const Dwarf_Op ops[] = {
		{ .atom = DW_OP_lit1, .offset = 0 },
		{ .atom = DW_OP_bra, .number = 1, .offset = 1 },
		{ .atom = DW_OP_lit5, .offset = 4 },
		{ .atom = DW_OP_lit7, .offset = 5 },
	};
	assert_true(run(&none, NULL, ops, 4, &result, &is_value));
	assert_int_equal(result, 7);
	const Dwarf_Op astray[] = {
		{ .atom = DW_OP_skip, .number = 1, .offset = 0 },
		{ .atom = DW_OP_const2u, .number = 1, .offset = 3 },
		{ .atom = DW_OP_lit7, .offset = 6 },
	};
	assert_false(run(&none, NULL, astray, 3, &result, &is_value));
}

static void
a_loop_ends(void **state)
{
	(void)state;
	uint64_t result = 0;
	bool is_value = false;
	const Dwarf_Op ops[] = {
		{ .atom = DW_OP_nop, .offset = 0 },
		{ .atom = DW_OP_skip, .number = (uint16_t)-4, .offset = 1 },
	};
	assert_false(run(&none, NULL, ops, 2, &result, &is_value));
}

static void
what_is_not_known_or_not_there_is_refused(void **state)
{
	(void)state;
	uint64_t result = 42;
	bool is_value = false;
	assert_false(
		RUN(&none, NULL, &result, &is_value, { .atom = DW_OP_breg7 }));
	assert_false(RUN(&none, NULL, &result, &is_value,
			 { .atom = DW_OP_bregx, .number = 1000 }));
	assert_false(RUN(&none, NULL, &result, &is_value,
			 { .atom = DW_OP_call_frame_cfa }));
	assert_false(RUN(&none, NULL, &result, &is_value,
			 { .atom = DW_OP_lit1 }, { .atom = DW_OP_deref }));
	assert_false(RUN(&none, NULL, &result, &is_value,
			 { .atom = DW_OP_const4u, .number = 0x1000 },
			 { .atom = DW_OP_deref_size, .number = 9 }));
	assert_false(RUN(&none, NULL, &result, &is_value,
			 { .atom = DW_OP_lit1 }, { .atom = DW_OP_plus }));
	assert_false(
		RUN(&none, NULL, &result, &is_value, { .atom = DW_OP_drop }));
	assert_false(RUN(&none, NULL, &result, &is_value,
			 { .atom = DW_OP_lit1 }, { .atom = DW_OP_lit1 },
			 { .atom = DW_OP_addr, .number = 0x1000 }));
	Dwarf_Op many[65];
	for (size_t i = 0; i < 65; i++)
		many[i] = (Dwarf_Op){ .atom = DW_OP_lit1, .offset = i };
	assert_true(run(&none, NULL, many, 64, &result, &is_value));
	assert_false(run(&none, NULL, many, 65, &result, &is_value));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_plt_rule_gives_the_cfa_at_each_half_of_an_entry),
		cmocka_unit_test(
			registers_and_memory_give_the_word_behind_a_pointer),
		cmocka_unit_test(a_stack_value_is_said_to_be_one),
		cmocka_unit_test(
			arithmetic_and_order_of_operands_are_those_of_dwarf),
		cmocka_unit_test(rot_over_and_pick_move_what_they_should),
		cmocka_unit_test(branches_go_to_operations_and_not_between),
		cmocka_unit_test(a_loop_ends),
		cmocka_unit_test(what_is_not_known_or_not_there_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
