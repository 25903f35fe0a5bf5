// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which constants a function may store, hand on or return where it chooses one:
 * `x = c ? 3 : 4` by a jump, a conditional move, or arithmetic with a condition.
 */

#ifndef GRAFT_JUDGE_CHOICES_H
#define GRAFT_JUDGE_CHOICES_H

#include "judge/op.h"

enum {
	/** Most constants among which is chosen. */
	GRAFT_CHOICE_MAX = 8,
	/** A choice of more, or of what is no constant: nothing is known. */
	GRAFT_CHOICE_UNKNOWN = 0,
	/** What is read from a table of constants. */
	GRAFT_CHOICE_TABLE = 255,
};

/** What a value is chosen from. */
struct graft_choice {
	/** How many constants, ascending; or _UNKNOWN, or _TABLE. */
	uint8_t count;
	/** Bytes of an element of the table. */
	uint8_t size;
	int32_t list[GRAFT_CHOICE_MAX];
	/** Where the table begins, in its own build; 0 without one. */
	uint64_t table;
};

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

/** Find a constant that one choice has and another has not.
 *
 * @param[out] value_ret The constant; written if true is returned.
 */
bool
graft_choice_only_in(const struct graft_choice *choice,
		     const struct graft_choice *other, int32_t *value_ret);

/** Put the constants of one choice into another, which becomes unknown if those
 * are too many. */
void
graft_choice_add(struct graft_choice *into, const struct graft_choice *from);

#endif /* GRAFT_JUDGE_CHOICES_H */
