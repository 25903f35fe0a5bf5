// SPDX-License-Identifier: Apache-2.0

// Each register holds a place in the frame, something that has nothing to do with
// one, or it is not known. The distance of two pointers is why the second is told
// apart from the third: `heap - frame`, added to a place in the frame, leads out of
// it, and compilers count two arrays by one register so.

#include "judge/flow/frame.h"

#include "judge/flow/ways.h"

#include <stdlib.h>

/** What registers hold, a bit each; in neither it is not known. */
struct places {
	uint16_t frame;
	uint16_t other;
};

enum place {
	PLACE_UNKNOWN,
	PLACE_FRAME,
	PLACE_OTHER,
};

static bool
merge(void *into, const void *from)
{
	struct places *a = into;
	const struct places *b = from;
	struct places was = *a;

	a->frame &= b->frame;
	a->other &= b->other;
	return a->frame != was.frame || a->other != was.other;
}

static enum place
get(const struct places *places, uint8_t reg)
{
	if (reg == GRAFT_REG_NONE)
		return PLACE_OTHER;
	if (reg >= 16)
		return PLACE_UNKNOWN;
	if (places->frame & (1U << reg))
		return PLACE_FRAME;
	return places->other & (1U << reg) ? PLACE_OTHER : PLACE_UNKNOWN;
}

static void
put(struct places *places, uint8_t reg, enum place place)
{
	uint16_t bit = (uint16_t)(1U << reg);

	places->frame &= (uint16_t)~bit;
	places->other &= (uint16_t)~bit;
	if (place == PLACE_FRAME)
		places->frame |= bit;
	else if (place == PLACE_OTHER)
		places->other |= bit;
}

static enum place
add(enum place a, enum place b)
{
	if (a == PLACE_OTHER)
		return b;
	return b == PLACE_OTHER ? a : PLACE_UNKNOWN;
}

/** Say where the memory operand of an instruction lies. */
static enum place
operand(const struct places *places, const struct graft_op *op)
{
	enum place index = get(places, op->index);

	if (op->has_ref)
		return PLACE_OTHER;
	if (index == PLACE_FRAME && op->scale != 1)
		return PLACE_UNKNOWN;
	return add(get(places, op->base), index);
}

/** Say what is read from memory: a word of the frame may be a spilled register. */
static enum place
loaded(const struct places *places, const struct graft_op *op)
{
	return op->mem_size == 8 && operand(places, op) != PLACE_OTHER
		       ? PLACE_UNKNOWN
		       : PLACE_OTHER;
}

/** Say what becomes of what is computed otherwise. */
static enum place
computed(const struct places *places, const struct graft_op *op)
{
	// A vector register may hold an address, too.
	if (op->reads >> GRAFT_REG_XMM0)
		return PLACE_UNKNOWN;
	for (uint8_t r = 0; r < 16; r++) {
		if ((op->reads & (1U << r)) && get(places, r) != PLACE_OTHER)
			return PLACE_UNKNOWN;
	}
	return op->has_mem && op->mem_read ? loaded(places, op) : PLACE_OTHER;
}

/** Say what an instruction puts into the register that is its first operand. */
static enum place
result_of(const struct places *places, const struct graft_op *op)
{
	enum place dst = get(places, op->dst);
	enum place src = op->has_mem ? loaded(places, op)
				     : get(places, op->src);

	if (op->dst_size < 8 || op->what == GRAFT_OP_ZERO)
		return PLACE_OTHER;
	if (op->has_imm)
		src = PLACE_OTHER;
	switch ((enum graft_op_class)op->what) {
	case GRAFT_OP_MOV:
		return src;
	case GRAFT_OP_LEA:
		return operand(places, op);
	case GRAFT_OP_ADD:
		if (op->subtracts)
			return src == PLACE_OTHER ? dst : PLACE_UNKNOWN;
		return add(dst, src);
	case GRAFT_OP_CMOV:
		return dst == src ? dst : PLACE_UNKNOWN;
	case GRAFT_OP_BITS:
		// A frame is aligned anew.
		if (op->dst == GRAFT_REG_RSP && op->has_imm)
			return dst;
		return computed(places, op);
	default:
		return computed(places, op);
	}
}

/** Let a call do what it does. With -fipa-ra a caller keeps values in registers
 * that a function of the same unit leaves alone. */
static void
move_call(const struct graft_ops *ops, const struct graft_op *op,
	  struct places *places)
{
	bool keeps = graft_op_callee(ops, op).func != GRAFT_NONE;

	for (uint8_t r = 0; r < 16; r++) {
		if (graft_reg_is_volatile(r) && !keeps)
			put(places, r, PLACE_OTHER);
	}
	put(places, GRAFT_REG_RAX, PLACE_OTHER);
	put(places, GRAFT_REG_RDX, PLACE_OTHER);
}

static void
move(const struct graft_ops *ops, const struct graft_op *op,
     struct places *places)
{
	if (op->what == GRAFT_OP_NOP || op->what == GRAFT_OP_PUSH)
		return;
	if (op->flags & GRAFT_INSN_CALL) {
		move_call(ops, op, places);
		return;
	}
	if (op->is_leave || op->what == GRAFT_OP_POP) {
		uint8_t into = op->is_leave ? GRAFT_REG_RBP : op->dst;
		if (into < 16)
			put(places, into, PLACE_UNKNOWN);
		return;
	}
	enum place first = result_of(places, op);
	enum place rest = computed(places, op);
	for (uint8_t r = 0; r < 16; r++) {
		if (op->writes & (1U << r))
			put(places, r, rest);
	}
	// A part of a register was written.
	if (op->dst == GRAFT_REG_NONE && op->first < 16 && !op->has_mem &&
	    op->what != GRAFT_OP_CMP && op->what != GRAFT_OP_TEST)
		put(places, op->first, PLACE_UNKNOWN);
	if (op->dst < 16)
		put(places, op->dst, first);
}

static void
step(void *context, const struct graft_ops *ops, uint32_t at, void *state)
{
	struct graft_frame *frame = context;
	const struct graft_op *op = &ops->ops[at];

	frame->inside[at] = graft_op_through_pointer(ops, op) &&
			    operand(state, op) == PLACE_FRAME;
	move(ops, op, state);
}

struct graft_error *
graft_frame_read(const struct graft_ops *ops, struct graft_frame *ret)
{
	const struct places entry = {
		.frame = 1U << GRAFT_REG_RSP,
		.other = (uint16_t) ~(1U << GRAFT_REG_RSP),
	};
	GRAFT_CLEANUP(graft_frame_deinit)
	struct graft_frame frame = {
		.inside = calloc((size_t)ops->count + 1, sizeof(bool)),
	};

	if (!frame.inside)
		return graft_error_no_memory();
	struct graft_error *err = graft_ways_follow(ops, sizeof(entry), &entry,
						    step, merge, &frame);
	if (err)
		return err;
	*ret = frame;
	frame = (struct graft_frame){ 0 };
	return NULL;
}

bool
graft_frame_is_given(const struct graft_ops *ops)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		bool address = op->what == GRAFT_OP_LEA &&
			       graft_op_in_frame(ops, op);
		bool copy = op->what == GRAFT_OP_MOV && !op->has_mem &&
			    op->src == GRAFT_REG_RSP;
		if ((address || copy) && op->dst != GRAFT_REG_RSP &&
		    !(copy && op->dst == GRAFT_REG_RBP))
			return true;
	}
	return false;
}

void
graft_frame_deinit(struct graft_frame *frame)
{
	free(frame->inside);
	*frame = (struct graft_frame){ 0 };
}

/** Find the step by which a register moves on behind an instruction, before the
 * code branches. */
static uint32_t
find_step(const struct graft_ops *ops, uint32_t at, uint8_t reg)
{
	for (uint32_t i = at + 1; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (op->ends ||
		    (op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)))
			break;
		if (op->writes & (1U << reg))
			return i;
	}
	return ops->count;
}

/** Does a loop around two instructions write a register in the second only? */
static bool
is_loop_of(const struct graft_ops *ops, uint32_t at, uint32_t step, uint8_t reg)
{
	uint32_t end = step + 1;

	while (end < ops->count && !(ops->ops[end].flags & GRAFT_INSN_JUMP))
		end++;
	if (end >= ops->count || !ops->ops[end].target)
		return false;
	uint32_t first = graft_op_at(ops, ops->ops[end].target);
	if (first > at)
		return false;
	for (uint32_t i = first; i < end; i++) {
		const struct graft_op *op = &ops->ops[i];
		if ((op->flags & GRAFT_INSN_CALL) || op->ends ||
		    (i != step && (op->writes & (1U << reg))))
			return false;
	}
	return true;
}

/** Is memory reached through a register that a loop moves on by as much as is
 * reached? */
static bool
is_walk(const struct graft_ops *ops, uint32_t at)
{
	const struct graft_op *op = &ops->ops[at];

	if (op->index != GRAFT_REG_NONE || op->base >= 16)
		return false;
	uint32_t step = find_step(ops, at, op->base);
	if (step >= ops->count)
		return false;
	const struct graft_op *by = &ops->ops[step];
	return by->what == GRAFT_OP_ADD && by->has_imm && !by->has_mem &&
	       by->dst == op->base && by->dst_size == 8 &&
	       (by->imm == op->mem_size || by->imm == -(int64_t)op->mem_size) &&
	       is_loop_of(ops, at, step, op->base);
}

bool
graft_frame_has_numbers(const struct graft_frame *frame,
			const struct graft_ops *ops, uint32_t at)
{
	const struct graft_op *op = &ops->ops[at];

	if (!frame->inside[at])
		return false;
	return (op->index != GRAFT_REG_NONE && op->scale == op->mem_size) ||
	       is_walk(ops, at);
}
