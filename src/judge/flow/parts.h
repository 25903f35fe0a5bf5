// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which parts of the code belong to one function.
 *
 * Compilers cut what is seldom run off a function (`.cold`), and put it back in
 * another build. A part is one that the diff grouped, or a function without
 * counterpart that nothing uses but jumps from this one.
 */

#ifndef GRAFT_JUDGE_PARTS_H
#define GRAFT_JUDGE_PARTS_H

#include "diff/diff.h"
#include "judge/flow/op.h"

/**
 * Append the parts of both sides of a function to what was read of it, if one of
 * them has no counterpart; else nothing.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_parts_join(const struct graft_diff *diff, struct graft_ops *old_ops,
		 struct graft_ops *new_ops);

#endif /* GRAFT_JUDGE_PARTS_H */
