// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Whether anybody wants what a function returns.
 *
 * A function that returns nothing leaves in %rax what the last call left there. If
 * all others drop the result of that call, it is no result of this one either.
 */

#ifndef GRAFT_JUDGE_DROPPED_H
#define GRAFT_JUDGE_DROPPED_H

#include "diff/diff.h"
#include "judge/flow/op.h"

/**
 * Say whether a function of OLD leaves nothing in %rax, on any way to a return,
 * but results of calls that are dropped: at two other places at least surely, by
 * code that stays or not, and at no place of either build is one read. Its own
 * result must not be read by a caller in OLD.
 *
 * @param[in] old_ops The function of OLD.
 * @param[out] ret The answer.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dropped_leaves_only(const struct graft_diff *diff,
			  const struct graft_ops *old_ops, bool *ret);

#endif /* GRAFT_JUDGE_DROPPED_H */
