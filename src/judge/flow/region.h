// SPDX-License-Identifier: Apache-2.0

/** @file Which instructions are reached by one branch of a function alone. */

#ifndef GRAFT_JUDGE_REGION_H
#define GRAFT_JUDGE_REGION_H

#include "judge/flow/op.h"

/** A step from one instruction to another, as indexes in graft_ops::ops. */
struct graft_step {
	uint32_t from;
	uint32_t to;
};

/**
 * Mark the instructions to which no way leads from the entry but by one step.
 *
 * Where an indirect jump leads is not known: what nothing else reaches is taken to
 * be reached by it.
 *
 * @param[in,out] marks One per instruction; those of the region are set.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_region_mark(const struct graft_ops *ops, struct graft_step by,
		  bool *marks);

/**
 * Mark the instructions to which a way leads over none that is barred.
 *
 * @param[in] from Where it starts.
 * @param[in] barred One per instruction.
 * @param[in,out] marks One per instruction; those that are reached are set.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_region_reach(const struct graft_ops *ops, uint32_t from,
		   const bool *barred, bool *marks);

#endif /* GRAFT_JUDGE_REGION_H */
