// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Whether a function of two builds does the same but for where members of an object
 * stand.
 *
 * Both are gone through instruction by instruction. Each does the same as its
 * counterpart with the same registers; what it reaches in an object is the same part
 * of a member of one name, what it reaches in the frame is one place that stands for
 * another throughout the function, and what it reaches elsewhere is the same. Left
 * out is what stores a constant into an object, what moves the stack pointer, and
 * what puts a constant into a register, if whoever reads the register finds the same
 * in both.
 */

#ifndef GRAFT_JUDGE_CONFINED_SAME_H
#define GRAFT_JUDGE_CONFINED_SAME_H

#include "judge/case.h"
#include "judge/confined/confined.h"

/** Both sides, each without a fault. */
struct graft_confined_pair {
	/** Borrowed. */
	const struct graft_case *c;
	const struct graft_confined *o;
	const struct graft_confined *n;
};

/**
 * Compare all functions that were looked at on either side.
 *
 * @param[out] ret Why some are not the same, or NULL. Never freed.
 * @param[out] func_ret The one of NEW that is not, or #GRAFT_NONE; @p addr_ret its
 * first instruction that is not, or 0.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_confined_compare(const struct graft_confined_pair *pair, const char **ret,
		       uint32_t *func_ret, uint64_t *addr_ret);

#endif /* GRAFT_JUDGE_CONFINED_SAME_H */
