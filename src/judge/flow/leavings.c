// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/leavings.h"

#include "base/vec.h"
#include "diff/diff.h"
#include "judge/flow/allocator.h"
#include "judge/flow/ways.h"

#include <Zydis/Zydis.h>
#include <stdlib.h>

enum {
	/** Words of the frame that are told apart. */
	SLOTS = 40,
	/** Longest function that is followed, in instructions. */
	LENGTH_MAX = 6000,
	ARGUMENTS = 6,
	/** Most elements of a table that are told from those behind them. */
	ROWS_MAX = 64,
};

/** A word of the frame; unknown without a name. */
struct slot {
	int64_t name;
	struct graft_choice choice;
};

/** What is known before an instruction. */
struct state {
	struct graft_choice regs[16];
	struct slot slots[SLOTS];
};

static const struct graft_choice unknown = { .count = GRAFT_CHOICE_UNKNOWN };

static bool
merge(void *into, const void *from)
{
	struct state *a = into;
	const struct state *b = from;
	bool changed = false;

	for (uint32_t r = 0; r < 16; r++) {
		struct graft_choice was = a->regs[r];
		graft_choice_add(&a->regs[r], &b->regs[r]);
		changed |= !graft_choice_is_same(&was, &a->regs[r]);
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct slot *slot = &a->slots[i];
		struct graft_choice was = slot->choice;
		if (!slot->name)
			continue;
		if (slot->name != b->slots[i].name) {
			*slot = (struct slot){ 0 };
			changed = true;
			continue;
		}
		graft_choice_add(&slot->choice, &b->slots[i].choice);
		changed |= !graft_choice_is_same(&was, &slot->choice);
	}
	return changed;
}

/** `adc`, `sbb`: with the carry, and without. */
static struct graft_choice
carried(const struct graft_op *op, const struct graft_choice *a)
{
	int64_t sign = op->mnemonic == ZYDIS_MNEMONIC_SBB ? -1 : 1;
	struct graft_choice set = { 0 };

	if (!op->has_imm && op->src == op->dst && sign < 0)
		return graft_choice_of_two(-1, 0);
	if (!op->has_imm || !graft_choice_is_known(a))
		return unknown;
	for (uint8_t i = 0; i < a->count; i++) {
		struct graft_choice both =
			graft_choice_of_two(a->list[i] + sign * op->imm,
					    a->list[i] + sign * (op->imm + 1));
		if (i == 0)
			set = both;
		else
			graft_choice_add(&set, &both);
	}
	return set;
}

static bool
is_unary(const struct graft_op *op)
{
	return op->mnemonic == ZYDIS_MNEMONIC_INC ||
	       op->mnemonic == ZYDIS_MNEMONIC_DEC ||
	       op->mnemonic == ZYDIS_MNEMONIC_NEG ||
	       op->mnemonic == ZYDIS_MNEMONIC_NOT;
}

static struct graft_choice
unary(const struct graft_op *op, const struct graft_choice *a)
{
	struct graft_choice plus = graft_choice_of(1);
	struct graft_choice minus = graft_choice_of(-1);
	struct graft_choice zero = graft_choice_of(0);

	switch (op->mnemonic) {
	case ZYDIS_MNEMONIC_INC:
		return graft_choice_combine(ZYDIS_MNEMONIC_ADD, a, &plus);
	case ZYDIS_MNEMONIC_DEC:
		return graft_choice_combine(ZYDIS_MNEMONIC_ADD, a, &minus);
	case ZYDIS_MNEMONIC_NEG:
		return graft_choice_combine(ZYDIS_MNEMONIC_SUB, &zero, a);
	default:
		return graft_choice_combine(ZYDIS_MNEMONIC_SUB, &minus, a);
	}
}

static bool
is_setcc(const struct graft_op *op)
{
	return op->mnemonic >= ZYDIS_MNEMONIC_SETB &&
	       op->mnemonic <= ZYDIS_MNEMONIC_SETZ &&
	       op->mnemonic != ZYDIS_MNEMONIC_SETSSBSY;
}

static struct graft_choice
reg_of(const struct state *state, uint8_t reg)
{
	return reg < 16 ? state->regs[reg] : unknown;
}

/** What `lea` adds up. */
static struct graft_choice
address_of(const struct graft_op *op, const struct state *state)
{
	struct graft_choice sum = graft_choice_of(op->disp);

	if (op->has_ref)
		return unknown;
	if (op->base != GRAFT_REG_NONE && op->base == op->index) {
		struct graft_choice both = reg_of(state, op->base);
		struct graft_choice scale = graft_choice_of(op->scale + 1);
		both = graft_choice_combine(ZYDIS_MNEMONIC_IMUL, &both, &scale);
		return graft_choice_combine(ZYDIS_MNEMONIC_ADD, &sum, &both);
	}
	if (op->base != GRAFT_REG_NONE) {
		struct graft_choice base = reg_of(state, op->base);
		sum = graft_choice_combine(ZYDIS_MNEMONIC_ADD, &sum, &base);
	}
	if (op->index != GRAFT_REG_NONE) {
		struct graft_choice index = reg_of(state, op->index);
		struct graft_choice scale = graft_choice_of(op->scale);
		index = graft_choice_combine(ZYDIS_MNEMONIC_IMUL, &index,
					     &scale);
		sum = graft_choice_combine(ZYDIS_MNEMONIC_ADD, &sum, &index);
	}
	return sum;
}

static struct slot *
slot_of(struct state *state, const struct graft_ops *ops,
	const struct graft_op *op)
{
	if (!graft_op_in_frame(ops, op) || op->index != GRAFT_REG_NONE)
		return NULL;
	return &state->slots[(uint64_t)(op->disp / 4) % SLOTS];
}

static int64_t
name_of(const struct graft_op *op)
{
	return (op->disp * 2 + (op->base == GRAFT_REG_RSP)) * 16 + op->mem_size;
}

/** The address that `lea` of constants puts into a register is kept as a table
 * without a size. */
static struct graft_choice
named_table(const struct graft_ops *ops, const struct graft_op *op)
{
	uint32_t ref = ops->code->insns[op->insn].ref;

	if (!op->has_ref || ref == GRAFT_NONE)
		return unknown;
	uint64_t addr = ops->code->refs[ref].target;
	const struct graft_section *section =
		graft_image_section_at(ops->code->image, addr);
	if (!section || graft_section_is_writable(section) ||
	    (section->flags & SHF_EXECINSTR))
		return unknown;
	return (struct graft_choice){ .count = GRAFT_CHOICE_TABLE,
				      .table = addr };
}

/** Count the elements of a table that an index may choose; 0 if that is not known. */
static uint8_t
count_rows(const struct graft_choice *index)
{
	int32_t most = 0;

	for (uint8_t i = 0; graft_choice_is_known(index) && i < index->count;
	     i++) {
		if (index->list[i] < 0 || index->list[i] >= ROWS_MAX)
			return 0;
		if (index->list[i] >= most)
			most = index->list[i] + 1;
	}
	return (uint8_t)most;
}

/** What an instruction reads from memory. */
static struct graft_choice
loaded(struct state *state, const struct graft_ops *ops,
       const struct graft_op *op)
{
	struct slot *slot = slot_of(state, ops, op);
	struct graft_choice base = reg_of(state, op->base);
	struct graft_choice index = reg_of(state, op->index);

	if (slot)
		return slot->name == name_of(op) ? slot->choice : unknown;
	if (base.count != GRAFT_CHOICE_TABLE) {
		base = index;
		index = unknown;
	}
	if (op->index == GRAFT_REG_NONE || base.count != GRAFT_CHOICE_TABLE ||
	    base.size || op->mem_size > 4 || op->disp)
		return unknown;
	base.size = (uint8_t)op->mem_size;
	base.rows = op->scale == op->mem_size ? count_rows(&index) : 0;
	return base;
}

/** What an instruction puts into its first operand. */
static struct graft_choice
result_of(struct state *state, const struct graft_ops *ops,
	  const struct graft_op *op)
{
	struct graft_choice dst = reg_of(state, op->first);
	struct graft_choice src = reg_of(state, op->src);

	if (op->what == GRAFT_OP_ZERO)
		return graft_choice_of(0);
	if (is_setcc(op))
		return graft_choice_of_two(0, 1);
	if (op->what == GRAFT_OP_LEA)
		return op->has_ref ? named_table(ops, op)
				   : address_of(op, state);
	if (op->has_mem && op->mem_read)
		src = loaded(state, ops, op);
	else if (op->has_imm)
		src = graft_choice_of(op->imm);
	switch (op->mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVZX:
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
		return src;
	case ZYDIS_MNEMONIC_CDQE:
		return state->regs[GRAFT_REG_RAX];
	case ZYDIS_MNEMONIC_ADC:
	case ZYDIS_MNEMONIC_SBB:
		return carried(op, &dst);
	default:
		break;
	}
	if (op->what == GRAFT_OP_MOV)
		return src;
	if (op->what == GRAFT_OP_CMOV) {
		graft_choice_add(&dst, &src);
		return dst;
	}
	if (is_unary(op))
		return unary(op, &dst);
	if (op->mnemonic == ZYDIS_MNEMONIC_ADD && !op->has_mem &&
	    op->src == op->first) {
		src = graft_choice_of(2);
		return graft_choice_combine(ZYDIS_MNEMONIC_IMUL, &dst, &src);
	}
	// One bit of something.
	if (op->mnemonic == ZYDIS_MNEMONIC_AND && op->has_imm &&
	    !graft_choice_is_known(&dst) && op->imm > 0 &&
	    (op->imm & (op->imm - 1)) == 0)
		return graft_choice_of_two(0, op->imm);
	if (op->mnemonic == ZYDIS_MNEMONIC_IMUL && op->has_imm) {
		dst = op->has_mem ? src : reg_of(state, op->src);
		src = graft_choice_of(op->imm);
	}
	return graft_choice_combine(op->mnemonic, &dst, &src);
}

/** Find the first value that leaves at an instruction, or behind it. */
static size_t
first_at(const struct graft_leavings *leavings, uint32_t at)
{
	size_t low = 0;
	size_t high = leavings->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (leavings->list[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/** Note what leaves the function at an instruction. */
static void
look(struct graft_leavings *leavings, const struct graft_op *op, uint32_t at,
     const struct state *state)
{
	size_t low = first_at(leavings, at);

	for (; low < leavings->count && leavings->list[low].at == at; low++) {
		struct graft_leaving *leaving = &leavings->list[low];
		if (leaving->how >= GRAFT_LEAVE_ARGUMENT)
			leaving->choice = reg_of(
				state,
				graft_argument_reg(leaving->how -
						   GRAFT_LEAVE_ARGUMENT));
		else if (leaving->how == GRAFT_LEAVE_RETURNED)
			leaving->choice = state->regs[GRAFT_REG_RAX];
		else if (is_setcc(op))
			leaving->choice = graft_choice_of_two(0, 1);
		else
			leaving->choice = op->has_imm ? graft_choice_of(op->imm)
						      : reg_of(state, op->src);
	}
}

static void
step(void *context, const struct graft_ops *ops, uint32_t at, void *before)
{
	const struct graft_op *op = &ops->ops[at];
	struct state *state = before;

	look(context, op, at, state);
	if (op->what == GRAFT_OP_NOP)
		return;
	struct graft_choice result = result_of(state, ops, op);
	struct slot *slot = slot_of(state, ops, op);
	if (slot && op->mem_write) {
		struct graft_choice value = op->has_imm
						    ? graft_choice_of(op->imm)
						    : reg_of(state, op->src);
		*slot = (struct slot){ name_of(op), op->what == GRAFT_OP_MOV
							    ? value
							    : unknown };
	}
	for (uint8_t r = 0; r < 16; r++) {
		if ((op->writes & (1U << r)) ||
		    ((op->flags & GRAFT_INSN_CALL) && graft_reg_is_volatile(r)))
			state->regs[r] = unknown;
	}
	bool writes = op->first < 16 && !(op->has_mem && op->mem_write) &&
		      op->what != GRAFT_OP_CMP && op->what != GRAFT_OP_TEST &&
		      op->what != GRAFT_OP_PUSH && !(op->flags);
	if (writes)
		state->regs[op->first] = result;
	else if (op->dst < 16)
		state->regs[op->dst] = unknown;
	if (op->mnemonic == ZYDIS_MNEMONIC_CDQE)
		state->regs[GRAFT_REG_RAX] = result;
}

static struct graft_error *
add(struct graft_leavings *leavings, uint32_t at, uint8_t how)
{
	struct graft_error *err =
		graft_vec_reserve(&leavings->list, &leavings->cap,
				  leavings->count + 1, sizeof(*leavings->list));

	if (!err)
		leavings->list[leavings->count++] =
			(struct graft_leaving){ .at = at, .how = how };
	return err;
}

static struct graft_error *
collect(const struct graft_ops *ops, struct graft_leavings *leavings)
{
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		bool stores = op->has_mem && op->mem_write &&
			      !graft_op_in_frame(ops, op) &&
			      (op->what == GRAFT_OP_MOV || is_setcc(op));
		bool leaves = (op->flags &
			       (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
			      !(op->flags & GRAFT_INSN_INTERNAL) &&
			      graft_op_callee(ops, op).func != GRAFT_NONE;
		if (stores)
			err = add(leavings, i, GRAFT_LEAVE_STORED);
		if (op->flags & GRAFT_INSN_RET)
			err = add(leavings, i, GRAFT_LEAVE_RETURNED);
		for (uint8_t k = 0; leaves && !err && k < ARGUMENTS; k++)
			err = add(leavings, i,
				  (uint8_t)(GRAFT_LEAVE_ARGUMENT + k));
	}
	return err;
}

struct graft_error *
graft_leavings_read(const struct graft_ops *ops, struct graft_leavings *ret)
{
	struct graft_leavings leavings = { 0 };
	struct state entry = { 0 };
	struct graft_error *err = NULL;

	if (ops->count <= LENGTH_MAX)
		err = collect(ops, &leavings);
	if (!err && leavings.count)
		err = graft_ways_follow(ops, sizeof(entry), &entry, step, merge,
					&leavings);
	if (err) {
		free(leavings.list);
		return err;
	}
	*ret = leavings;
	return NULL;
}

const struct graft_leaving *
graft_leavings_find(const struct graft_leavings *leavings, uint32_t at,
		    uint8_t how)
{
	for (size_t i = first_at(leavings, at);
	     i < leavings->count && leavings->list[i].at == at; i++) {
		if (leavings->list[i].how == how)
			return &leavings->list[i];
	}
	return NULL;
}
