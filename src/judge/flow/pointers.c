// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/pointers.h"

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
