// SPDX-License-Identifier: Apache-2.0

/** @file Two runs side by side, through every way that both can take. Inside
 * interleave/ only. */

#ifndef GRAFT_JUDGE_INTERLEAVE_WALK_H
#define GRAFT_JUDGE_INTERLEAVE_WALK_H

#include "judge/interleave/calls.h"

/** Why two runs may not go side by side. */
struct graft_walk_end {
	/** Static; NULL: they may. */
	const char *why;
	/** Where, as indexes in the operations of each side. */
	uint32_t o;
	uint32_t n;
};

/**
 * Go through all ways.
 *
 * @param[in] calls Both sides.
 * @param[out] ret What was found.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; what reading arguments returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_walk(const struct graft_pair_calls *calls, struct graft_walk_end *ret);

#endif /* GRAFT_JUDGE_INTERLEAVE_WALK_H */
