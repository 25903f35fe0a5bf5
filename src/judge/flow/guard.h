// SPDX-License-Identifier: Apache-2.0

/** @file Branches that are taken while a variable with a name is zero. */

#ifndef GRAFT_JUDGE_GUARD_H
#define GRAFT_JUDGE_GUARD_H

#include "judge/flow/op.h"
#include "judge/flow/region.h"

/** Such a branch. */
struct graft_guard {
	/** Address of the variable in its build. */
	uint64_t flag;
	/** What it is compared with: 0, or what it is not on this way. */
	int64_t with;
	/** The step to what runs while it is zero. */
	struct graft_step step;
	/** Index of the instruction to which the other way leads. */
	uint32_t other;
};

/**
 * Read a conditional jump as such a branch.
 *
 * @param[in] at Index of the jump.
 * @param[out] ret Means something only if this returns true.
 */
bool
graft_guard_read(const struct graft_ops *ops, uint32_t at,
		 struct graft_guard *ret);

#endif /* GRAFT_JUDGE_GUARD_H */
