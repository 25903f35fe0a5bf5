// SPDX-License-Identifier: Apache-2.0

/** @file What becomes of values that functions are handed. */

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

#endif /* GRAFT_JUDGE_HANDED_ON_H */
