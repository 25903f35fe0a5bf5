// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/called.h"

uint32_t
graft_called(const struct graft_ops *ops, const struct graft_op *op)
{
	if (!(op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) ||
	    (op->flags & GRAFT_INSN_INTERNAL))
		return GRAFT_NONE;
	uint32_t func = graft_op_callee(ops, op).func;
	return func == ops->func ? GRAFT_NONE : func;
}

/** Count the calls of one function. */
static uint32_t
count_calls_of(const struct graft_ops *ops, uint32_t func)
{
	uint32_t count = 0;

	for (uint32_t i = 0; func != GRAFT_NONE && i < ops->count; i++)
		count += graft_called(ops, &ops->ops[i]) == func;
	return count;
}

uint32_t
graft_called_more(const struct graft_ops *ops, const struct graft_ops *other,
		  const struct graft_func_match *match, uint32_t at)
{
	uint32_t func = graft_called(ops, &ops->ops[at]);

	if (func == GRAFT_NONE)
		return 0;
	for (uint32_t i = 0; i < at; i++) {
		if (graft_called(ops, &ops->ops[i]) == func)
			return 0;
	}
	uint32_t here = count_calls_of(ops, func);
	uint32_t there = count_calls_of(other, match[func].other);
	return here > there ? here - there : 0;
}
