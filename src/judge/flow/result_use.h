// SPDX-License-Identifier: Apache-2.0

/** @file What callers do with what a function returns. */

#ifndef GRAFT_JUDGE_RESULT_USE_H
#define GRAFT_JUDGE_RESULT_USE_H

#include "judge/flow/graph.h"

/** What a caller does with what a function returns. */
struct graft_result_use {
	/** The caller, or #GRAFT_NONE if nobody does anything of it. */
	uint32_t caller;
	/** It is the size of an allocation, or that is computed from it; else it
	 * is stored as it is. */
	bool size;
};

/**
 * Find a caller that stores what a function returns, or allocates by it.
 *
 * Stored counts what is stored right behind the call. A size is followed through
 * registers, words of the frame, branches, calls in between and what is computed
 * from it, and through functions that return it in their turn.
 *
 * @param[in] func Whose result it is.
 * @param[in] may_be_size What it returns can be a size: another than an error's
 * code. False: only a store is looked for.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_use_of_result(const struct graft_graph *graph, uint32_t func,
		    bool may_be_size, struct graft_result_use *ret);

#endif /* GRAFT_JUDGE_RESULT_USE_H */
