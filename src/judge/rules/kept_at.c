// SPDX-License-Identifier: Apache-2.0

#include "judge/rules/kept_at.h"

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
