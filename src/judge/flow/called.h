// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What one build calls from a function and the other does not: where code was
 * inlined, or split off, what it does stands in another function than before.
 */

#ifndef GRAFT_JUDGE_CALLED_H
#define GRAFT_JUDGE_CALLED_H

#include "diff/diff.h"
#include "judge/flow/op.h"

/** Get the function of the module that an instruction calls, or jumps to out of
 * its own; GRAFT_NONE if there is none, or if it is its own. */
uint32_t
graft_called(const struct graft_ops *ops, const struct graft_op *op);

/**
 * Tell how much more often one side calls what an instruction calls, or jumps to
 * out of its function.
 *
 * @param[in] other The function of the other side that stands for that of @p ops.
 * @param[in] match Of @p ops's side.
 * @param[in] at The instruction.
 * @return 0 also if it calls nothing in the module, or its own function, or if an
 * instruction in front of it told it already.
 */
uint32_t
graft_called_more(const struct graft_ops *ops, const struct graft_ops *other,
		  const struct graft_func_match *match, uint32_t at);

#endif /* GRAFT_JUDGE_CALLED_H */
