// SPDX-License-Identifier: Apache-2.0

/** @file What one instruction makes of registers and frame. Inside interleave/ only. */

#ifndef GRAFT_JUDGE_EXEC_H
#define GRAFT_JUDGE_EXEC_H

#include "judge/interleave/side.h"

/** Say whether instructions of this kind are understood. */
bool
graft_exec_knows(const struct graft_decoded *d);

/** Say whether an instruction is an effect: it orders writes, or writes memory that
 * may not be of the frame. */
bool
graft_exec_is_effect(const struct graft_side *side,
		     struct graft_side_state *state, uint32_t at);

/**
 * Execute an instruction that is no branch and no call.
 *
 * @param[in] now The time, for what is loaded.
 * @param[out] effect_ret What it writes out of the frame, or 0.
 * @return NULL, or why it is not known what it does. Static.
 */
const char *
graft_exec(const struct graft_side *side, struct graft_side_state *state,
	   graft_term now, uint32_t at, graft_term *effect_ret);

#endif /* GRAFT_JUDGE_EXEC_H */
