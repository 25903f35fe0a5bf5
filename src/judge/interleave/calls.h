// SPDX-License-Identifier: Apache-2.0

/** @file Calls of two runs: whether they are the same, and what they leave. Inside
 * interleave/ only. */

#ifndef GRAFT_JUDGE_INTERLEAVE_CALLS_H
#define GRAFT_JUDGE_INTERLEAVE_CALLS_H

#include "judge/flow/arguments.h"
#include "judge/interleave/pair.h"

/** What is compared with what. */
struct graft_pair_calls {
	/** Borrowed, all. */
	const struct graft_side *was;
	const struct graft_side *is;
	struct graft_argument_reader *old_reader;
};

/**
 * Compare two calls, or two jumps to other functions, and let both happen.
 *
 * @param[in] o Index of the call in OLD's operations; @p n in NEW's.
 * @param[in] key Number of the place.
 * @param[in,out] state Gets what the call leaves in registers.
 * @param[out] why_ret Why they are not the same, or NULL. Static.
 * @return NULL; what reading arguments returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_pair_call(const struct graft_pair_calls *calls, uint32_t o, uint32_t n,
		uint64_t key, struct graft_pair_state *state,
		const char **why_ret);

#endif /* GRAFT_JUDGE_INTERLEAVE_CALLS_H */
