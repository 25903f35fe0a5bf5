// SPDX-License-Identifier: Apache-2.0

#include "proc/expression.h"

#include <dwarf.h>

enum { STACK_WORDS = 64, STEPS_MAX = 1000 };

/** An evaluation; once bad, it stays bad. */
struct run {
	const struct graft_expression_context *context;
	uint64_t stack[STACK_WORDS];
	size_t depth;
	bool bad;
};

static void
push(struct run *run, uint64_t value)
{
	if (run->depth == STACK_WORDS) {
		run->bad = true;
		return;
	}
	run->stack[run->depth++] = value;
}

static uint64_t
pop(struct run *run)
{
	if (run->depth == 0) {
		run->bad = true;
		return 0;
	}
	return run->stack[--run->depth];
}

static void
pick(struct run *run, uint64_t below)
{
	if (below >= run->depth) {
		run->bad = true;
		return;
	}
	push(run, run->stack[run->depth - 1 - below]);
}

static void
push_register(struct run *run, uint64_t reg, uint64_t off)
{
	const struct graft_dwarf_regs *regs = run->context->regs;
	if (reg >= GRAFT_DWARF_REGS || !(regs->known >> reg & 1)) {
		run->bad = true;
		return;
	}
	push(run, regs->value[reg] + off);
}

static void
push_word(struct run *run, uint64_t addr, uint64_t size)
{
	uint64_t word = 0;
	if (size < 1 || size > 8 ||
	    !run->context->read(run->context->read_arg, addr, &word)) {
		run->bad = true;
		return;
	}
	push(run, size == 8 ? word : word & ((1ULL << (8 * size)) - 1));
}

// Binary operations: the upper word of the stack is the right operand.
static bool
binary(uint8_t atom, uint64_t left, uint64_t right, uint64_t *ret)
{
	int64_t a = (int64_t)left;
	int64_t b = (int64_t)right;
	switch (atom) {
	case DW_OP_plus:
		*ret = left + right;
		return true;
	case DW_OP_minus:
		*ret = left - right;
		return true;
	case DW_OP_mul:
		*ret = left * right;
		return true;
	case DW_OP_and:
		*ret = left & right;
		return true;
	case DW_OP_or:
		*ret = left | right;
		return true;
	case DW_OP_xor:
		*ret = left ^ right;
		return true;
	case DW_OP_shl:
		*ret = right < 64 ? left << right : 0;
		return true;
	case DW_OP_shr:
		*ret = right < 64 ? left >> right : 0;
		return true;
	case DW_OP_shra:
		*ret = (uint64_t)(a >> (right < 63 ? right : 63));
		return true;
	case DW_OP_eq:
		*ret = a == b;
		return true;
	case DW_OP_ne:
		*ret = a != b;
		return true;
	case DW_OP_lt:
		*ret = a < b;
		return true;
	case DW_OP_le:
		*ret = a <= b;
		return true;
	case DW_OP_gt:
		*ret = a > b;
		return true;
	case DW_OP_ge:
		*ret = a >= b;
		return true;
	default:
		return false;
	}
}

static void
shuffle(struct run *run, uint8_t atom)
{
	uint64_t first = pop(run);
	uint64_t second = pop(run);
	if (atom == DW_OP_swap) {
		push(run, first);
		push(run, second);
		return;
	}
	// DW_OP_rot: the first goes below the third.
	uint64_t third = pop(run);
	push(run, first);
	push(run, third);
	push(run, second);
}

static void
step_stack(struct run *run, const Dwarf_Op *op)
{
	uint64_t left = 0;
	uint64_t right = 0;
	uint64_t result = 0;
	switch (op->atom) {
	case DW_OP_dup:
		pick(run, 0);
		return;
	case DW_OP_over:
		pick(run, 1);
		return;
	case DW_OP_pick:
		pick(run, op->number);
		return;
	case DW_OP_drop:
		(void)pop(run);
		return;
	case DW_OP_swap:
	case DW_OP_rot:
		shuffle(run, op->atom);
		return;
	case DW_OP_deref:
		push_word(run, pop(run), 8);
		return;
	case DW_OP_deref_size:
		push_word(run, pop(run), op->number);
		return;
	case DW_OP_plus_uconst:
		push(run, pop(run) + op->number);
		return;
	case DW_OP_neg:
		push(run, -pop(run));
		return;
	case DW_OP_not:
		push(run, ~pop(run));
		return;
	default:
		right = pop(run);
		left = pop(run);
		if (!binary(op->atom, left, right, &result))
			run->bad = true;
		push(run, result);
	}
}

static void
step(struct run *run, const Dwarf_Op *op)
{
	uint8_t atom = op->atom;
	if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31) {
		push(run, atom - DW_OP_lit0);
		return;
	}
	if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31) {
		push_register(run, atom - DW_OP_breg0, op->number);
		return;
	}
	switch (atom) {
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		push(run, op->number);
		return;
	case DW_OP_bregx:
		push_register(run, op->number, op->number2);
		return;
	case DW_OP_call_frame_cfa:
		if (run->context->cfa)
			push(run, *run->context->cfa);
		else
			run->bad = true;
		return;
	case DW_OP_nop:
		return;
	default:
		step_stack(run, op);
	}
}

// A branch counts bytes from the operation behind it, which is three bytes
// long; libdw gives the offset of each operation in its block.
static size_t
branch(const Dwarf_Op *ops, size_t count, size_t at)
{
	uint64_t target = ops[at].offset + 3 +
			  (uint64_t)(int64_t)(int16_t)ops[at].number;
	if (ops[count - 1].offset < target)
		return count;
	for (size_t i = 0; i < count; i++)
		if (ops[i].offset == target)
			return i;
	return SIZE_MAX;
}

bool
graft_expression_run(const struct graft_expression_context *context,
		     const Dwarf_Op *ops, size_t count, uint64_t *ret,
		     bool *is_value_ret)
{
	struct run run = { .context = context };
	bool is_value = false;
	size_t at = 0;
	for (size_t steps = 0; at < count; steps++) {
		uint8_t atom = ops[at].atom;
		if (steps == STEPS_MAX)
			return false;
		if (atom == DW_OP_stack_value) {
			// Nothing may come behind it.
			if (at + 1 != count)
				return false;
			is_value = true;
			break;
		}
		if (atom == DW_OP_skip ||
		    (atom == DW_OP_bra && pop(&run) != 0)) {
			at = branch(ops, count, at);
			if (at == SIZE_MAX)
				return false;
			continue;
		}
		if (atom != DW_OP_bra)
			step(&run, &ops[at]);
		if (run.bad)
			return false;
		at++;
	}
	uint64_t result = pop(&run);
	if (run.bad)
		return false;
	*ret = result;
	*is_value_ret = is_value;
	return true;
}
