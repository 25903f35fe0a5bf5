// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Processes that wait for their threads, one beside the other: what cannot be done at
 * once is tried again in turn, until its time is over (docs/decisions/in-turn.md).
 */

#ifndef GRAFT_CMD_TURNS_H
#define GRAFT_CMD_TURNS_H

#include "cmd/work.h"

#include <stdint.h>
#include <sys/types.h>

/** A process that waits. */
struct graft_turn {
	pid_t pid;
	uint64_t start_ticks;
	/** When its time is over (graft_clock_monotonic_us()). */
	uint64_t end_us;
	/** Stops that it had so far. */
	uint32_t tries;
};

/** All that wait. All zeroes: nobody. */
struct graft_turns {
	struct graft_turn *list;
	size_t count;
	size_t room;
	/** Whose turn it is. */
	size_t next;
};

/** Free them. Also their guard. */
void
graft_turns_deinit(struct graft_turns *turns);

/** Give all that wait so much more time, in which none had a turn. */
void
graft_turns_extend(struct graft_turns *turns, uint64_t more_us);

enum {
	/** What a process gets before the others: threads that only pass by. */
	GRAFT_TURN_FIRST_US = 20 * 1000,
};

/**
 * Have room for so many more that wait: what was done to a process must be said, so
 * this comes before it is tried.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_turns_reserve(struct graft_turns *turns, size_t more);

/**
 * Let a process wait for its turn.
 *
 * @param[in,out] turns There must be room.
 * @param[in,out] outcome What became of its first try; what it owns is freed.
 * @param[in] left_us How much time it has left.
 */
void
graft_turns_add(struct graft_turns *turns, struct graft_outcome *outcome,
		uint64_t left_us);

/**
 * Work on a process, and do not wait: who is not ready gets a turn later.
 *
 * @param[in] alone Nobody else is there: it has all of its time at once.
 * @param[in,out] turns Gets it, if its threads are in the way.
 * @param[in,out] outcomes Gets what became of it, if not.
 * @return NULL; an error of ours, not of the process.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_turns_begin(struct graft_work *work, graft_work_fn fn, pid_t pid,
		  bool alone, struct graft_turns *turns,
		  struct graft_outcomes *outcomes);

/**
 * Give the next one its turn: a part of the time that it has left, and all of it if
 * nobody else waits.
 *
 * @param[in,out] turns Not empty. Who is done, or out of time, goes.
 * @param[in,out] outcomes Gets what became of it then.
 * @return NULL; an error of ours, not of the process.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_turns_next(struct graft_work *work, graft_work_fn fn,
		 struct graft_turns *turns, struct graft_outcomes *outcomes);

#endif /* GRAFT_CMD_TURNS_H */
