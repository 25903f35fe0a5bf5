// SPDX-License-Identifier: Apache-2.0

#include "judge/rules/kept_at.h"

#include <Zydis/Zydis.h>

enum {
	/** Copies of registers through which a value is followed. */
	COPIES_MAX = 4,
	/** Instructions behind a call in which its result is put somewhere. */
	AHEAD_MAX = 12,
};

bool
graft_kept_at_find(const struct graft_case *c, const struct graft_ops *ops,
		   const struct graft_op *op, struct graft_kept_at *ret)
{
	uint32_t ref = ops->code->insns[op->insn].ref;
	uint64_t addr;

	*ret = (struct graft_kept_at){
		.indexed = op->index != GRAFT_REG_NONE,
		.at = op->reach,
	};
	if (graft_op_through_pointer(ops, op))
		return true;
	if (!op->has_ref || ref == GRAFT_NONE)
		return false;
	addr = ops->code->refs[ref].target;
	if (ops->code == c->diff->new_code &&
	    graft_diff_old_data(c->diff, addr, &addr) <= GRAFT_WITNESS_CONFLICT)
		return false;
	*ret = (struct graft_kept_at){ .named = true, .at = (int64_t)addr };
	return true;
}

uint32_t
graft_kept_at_of_argument(const struct graft_case *c,
			  const struct graft_ops *ops, uint32_t at,
			  struct graft_kept_at *ret)
{
	uint8_t reg = GRAFT_REG_RDI;

	for (int i = 0; i <= COPIES_MAX; i++) {
		at = graft_op_writer(ops, at, reg);
		if (at >= ops->count)
			return ops->count;
		const struct graft_op *op = &ops->ops[at];
		if (op->what != GRAFT_OP_MOV)
			return ops->count;
		if (op->mem_read)
			return graft_kept_at_find(c, ops, op, ret) ? at
								   : ops->count;
		if (op->src >= 16)
			return ops->count;
		reg = op->src;
	}
	return ops->count;
}

/** Does an instruction only move something? Two pointers may be stored at once, by
 * a vector register. */
static bool
moves(const struct graft_op *op)
{
	return op->what == GRAFT_OP_MOV ||
	       op->mnemonic == ZYDIS_MNEMONIC_MOVQ ||
	       op->mnemonic == ZYDIS_MNEMONIC_MOVUPS ||
	       op->mnemonic == ZYDIS_MNEMONIC_MOVAPS ||
	       op->mnemonic == ZYDIS_MNEMONIC_MOVDQU ||
	       op->mnemonic == ZYDIS_MNEMONIC_MOVDQA;
}

bool
graft_kept_at_of_result(const struct graft_case *c, const struct graft_ops *ops,
			uint32_t at, struct graft_kept_at *ret)
{
	uint32_t holds = 1U << GRAFT_REG_RAX;

	for (uint32_t i = at + 1; i < ops->count && i <= at + AHEAD_MAX; i++) {
		const struct graft_op *op = &ops->ops[i];
		bool copies = moves(op) && op->src < 32 &&
			      (holds & 1U << op->src);
		if (copies && op->mem_write)
			return graft_kept_at_find(c, ops, op, ret);
		if ((op->flags & GRAFT_INSN_CALL) || op->ends)
			return false;
		// These add the other half of a vector register.
		if (op->mnemonic != ZYDIS_MNEMONIC_MOVHPS &&
		    op->mnemonic != ZYDIS_MNEMONIC_PUNPCKLQDQ)
			holds &= ~op->writes;
		if (copies && !op->has_mem && op->dst < 32)
			holds |= 1U << op->dst;
	}
	return false;
}
