// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which constants leave a function, stored, handed on or returned, where it chooses
 * one: `x = c ? 3 : 4` by a jump, a conditional move, or arithmetic with a condition.
 */

#ifndef GRAFT_JUDGE_LEAVINGS_H
#define GRAFT_JUDGE_LEAVINGS_H

#include "judge/flow/choice.h"
#include "judge/flow/op.h"

/** Where a value leaves a function. */
enum graft_leave {
	/** Stored outside of the frame. */
	GRAFT_LEAVE_STORED,
	/** Returned. */
	GRAFT_LEAVE_RETURNED,
	/** An argument of a call; those of the other arguments follow. */
	GRAFT_LEAVE_ARGUMENT,
};

/** One value that leaves. */
struct graft_leaving {
	uint32_t at;
	/** #graft_leave; more than _ARGUMENT by the number of the argument. */
	uint8_t how;
	struct graft_choice choice;
};

/** All of one function, by ascending instruction. */
struct graft_leavings {
	struct graft_leaving *list;
	size_t count;
	size_t cap;
};

/**
 * Follow every way through a function. In one that is too long nothing is known.
 *
 * @param[out] ret Filled; free its list with free(3).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_leavings_read(const struct graft_ops *ops, struct graft_leavings *ret);

/** Find a value that leaves at an instruction in one way, or NULL. */
const struct graft_leaving *
graft_leavings_find(const struct graft_leavings *leavings, uint32_t at,
		    uint8_t how);

#endif /* GRAFT_JUDGE_LEAVINGS_H */
