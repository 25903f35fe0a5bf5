// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/pointers.h"

enum {
	/** From how many words to another a pointer is followed, and how many are
	 * looked at in all. */
	WORDS_MAX = 4,
	LOOKS_MAX = 200,
};

uint32_t
graft_pointer_next(const struct graft_ops *ops, uint32_t at, uint8_t reg)
{
	uint32_t end = at + 1 + GRAFT_OP_BACK_MAX;

	for (uint32_t i = at + 1; i < end && i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (graft_op_through_pointer(ops, op) && op->base == reg &&
		    op->index == GRAFT_REG_NONE)
			return i;
		if (op->writes & ((uint32_t)1 << reg))
			break;
		if ((op->flags & GRAFT_INSN_CALL) && graft_reg_is_volatile(reg))
			break;
	}
	return ops->count;
}

bool
graft_pointer_behind(const struct graft_ops *ops, uint32_t at, uint8_t reg)
{
	return graft_pointer_next(ops, at, reg) < ops->count;
}

bool
graft_pointer_before(const struct graft_ops *ops, uint32_t at, uint8_t reg)
{
	for (uint32_t i = at, n = 0; i-- > 0 && n < GRAFT_OP_BACK_MAX; n++) {
		const struct graft_op *op = &ops->ops[i];
		if (graft_op_through_pointer(ops, op) && op->base == reg &&
		    op->index == GRAFT_REG_NONE && !(op->writes & (1U << reg)))
			return true;
		if (op->writes & ((uint32_t)1 << reg))
			return false;
		if ((op->flags & GRAFT_INSN_CALL) && graft_reg_is_volatile(reg))
			return false;
	}
	return false;
}

bool
graft_pointer_lea(const struct graft_ops *ops, uint32_t at)
{
	const struct graft_op *op = &ops->ops[at];

	if (op->base < 16 && (graft_pointer_behind(ops, at, op->base) ||
			      graft_pointer_before(ops, at, op->base)))
		return true;
	return op->dst < 16 && graft_pointer_behind(ops, at, op->dst);
}

/** Get what a register is multiplied by where an instruction reaches memory with
 * it; 1 for a pointer, 0 if it does not. */
static uint8_t
scale_in(const struct graft_ops *ops, const struct graft_op *op, uint8_t reg)
{
	if (!graft_op_through_pointer(ops, op))
		return 0;
	if (op->base == reg)
		return 1;
	return op->index == reg ? op->scale : 0;
}

int64_t
graft_pointer_step(const struct graft_ops *ops, uint32_t at)
{
	const struct graft_op *add = &ops->ops[at];
	uint8_t reg = add->dst;
	uint8_t scale = 0;

	for (uint32_t n = 1; !scale && n <= GRAFT_OP_BACK_MAX && n <= at; n++) {
		const struct graft_op *op = &ops->ops[at - n];
		if ((op->writes & 1U << reg) || op->ends ||
		    (op->flags & GRAFT_INSN_CALL))
			break;
		scale = scale_in(ops, op, reg);
	}
	for (uint32_t n = 1;
	     !scale && n <= GRAFT_OP_BACK_MAX && at + n < ops->count; n++) {
		const struct graft_op *op = &ops->ops[at + n];
		scale = scale_in(ops, op, reg);
		if ((op->writes & 1U << reg) || op->ends ||
		    (op->flags & GRAFT_INSN_CALL))
			break;
	}
	return scale ? add->imm * scale : add->imm;
}

/** Say whether an instruction names this word of the frame, whole. */
static bool
is_word(const struct graft_ops *ops, const struct graft_op *op,
	const struct graft_op *word)
{
	return op->mem_size == 8 && graft_op_in_frame(ops, op) &&
	       op->base == word->base && op->disp == word->disp &&
	       op->index == GRAFT_REG_NONE;
}

static bool
word_leads(const struct graft_ops *ops, const struct graft_op *word, int depth,
	   int *looks);

/** Say whether memory is reached through a register behind an instruction, also
 * where an index is added to it, or through the word that it is stored in. */
static bool
register_leads(const struct graft_ops *ops, uint32_t at, uint8_t reg, int depth,
	       int *looks)
{
	uint32_t end = at + 1 + GRAFT_OP_BACK_MAX;

	for (uint32_t i = at + 1; i < end && i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		bool stored = op->what == GRAFT_OP_MOV && op->mem_write &&
			      op->src == reg && op->mem_size == 8;
		bool copied = op->what == GRAFT_OP_MOV && !op->has_mem &&
			      op->src == reg && op->dst < 16;
		bool added = op->what == GRAFT_OP_ADD && !op->has_mem;
		if (graft_op_through_pointer(ops, op) && op->base == reg)
			return op->what != GRAFT_OP_LEA ||
			       graft_pointer_behind(ops, i, op->dst);
		if (stored && graft_op_in_frame(ops, op) && depth < WORDS_MAX)
			return word_leads(ops, op, depth + 1, looks);
		if (added && !op->has_imm && op->src == reg && op->dst < 16 &&
		    graft_pointer_behind(ops, i, op->dst))
			return true;
		if (copied && graft_pointer_behind(ops, i, op->dst))
			return true;
		if ((op->writes & (1U << reg)) && !(added && op->dst == reg))
			return false;
		if ((op->flags & GRAFT_INSN_CALL) && graft_reg_is_volatile(reg))
			return false;
	}
	return false;
}

static bool
word_leads(const struct graft_ops *ops, const struct graft_op *word, int depth,
	   int *looks)
{
	if (--*looks < 0)
		return false;
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (op->what == GRAFT_OP_MOV && op->mem_read && op->dst < 16 &&
		    is_word(ops, op, word) &&
		    register_leads(ops, i, op->dst, depth, looks))
			return true;
	}
	return false;
}

bool
graft_pointer_kept(const struct graft_ops *ops, uint32_t at)
{
	const struct graft_op *add = &ops->ops[at];
	int looks = LOOKS_MAX;

	if (add->has_mem)
		return add->mem_write && is_word(ops, add, add) &&
		       word_leads(ops, add, 0, &looks);
	// It is stored by the next instruction, or the one after.
	for (uint32_t i = at + 1;
	     add->dst < 16 && i < ops->count && i <= at + 2; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (op->what == GRAFT_OP_MOV && op->mem_write &&
		    op->src == add->dst && is_word(ops, op, op))
			return word_leads(ops, op, 0, &looks);
		if ((op->flags & GRAFT_INSN_CALL) || op->ends ||
		    (op->writes & (1U << add->dst)))
			return false;
	}
	return false;
}
