// SPDX-License-Identifier: Apache-2.0

/** @file What becomes of values that functions hand on and return. */

#ifndef GRAFT_JUDGE_HANDED_ON_H
#define GRAFT_JUDGE_HANDED_ON_H

#include "judge/flow/graph.h"

/**
 * Find which arguments a function stores outside of its frame as they are,
 * straight on; but one that the interface of an export says is a line.
 *
 * @param[out] ret A bit for each of the six arguments in registers.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_stored_arguments(const struct graft_code *code, uint32_t func,
		       uint32_t *ret);

/** What a caller does with what a function returns. */
struct graft_result_use {
	/** The caller, or #GRAFT_NONE if nobody does anything of it. */
	uint32_t caller;
	/** It is the size of an allocation; else it is stored. */
	bool size;
};

/** Find a caller that stores what a function returns, or allocates by it. */
GRAFT_MUST_CHECK struct graft_error *
graft_use_of_result(const struct graft_graph *graph, uint32_t func,
		    struct graft_result_use *ret);

#endif /* GRAFT_JUDGE_HANDED_ON_H */
