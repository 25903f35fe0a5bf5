// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What the worker remembers of processes: what they need, and what came of it when graft
 * was last run for them. All of it can be found out anew, so nothing of it is on disk.
 */

#ifndef GRAFT_AGENT_TABLE_H
#define GRAFT_AGENT_TABLE_H

#include "agent/answer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	/** Hotpatches that one process can want at once; more are for later. */
	GRAFT_TABLE_WANTS = 8,
};

/** Something that a process needs, and how it went. */
struct graft_table_need {
	/** Of the hotpatch that is kept; 0: to be brought to what is on disk. */
	uint32_t serial;
	/** Which files, where: another value is another need. 0: there is none. */
	uint64_t what;
	/** A hotpatch for a file that is not in its place: the disk is asked first. */
	bool displaced;
	/** The value for which graft was run last; 0: it was not. */
	uint64_t tried;
	/** What came of it. */
	enum graft_answer_result result;
	/** graft is at it now. */
	bool busy;
	/** Not before this, on graft_clock_monotonic_us(); UINT64_MAX: never again. */
	uint64_t retry_us;
};

/** A process in scope. */
struct graft_table_process {
	pid_t pid;
	uint64_t start_ticks;
	/** The last look at all that it was there in. */
	uint32_t round;
	/** It holds a hotpatch, as `graft status` said. */
	bool holds;
	/** First the one about the disk. */
	struct graft_table_need needs[1 + GRAFT_TABLE_WANTS];
	size_t need_count;
};

/** Processes, by number. Zeroed: none. */
struct graft_table {
	struct graft_table_process **processes;
	size_t count;
	size_t room;
	/** How many were ever added. */
	uint64_t added;
};

/** Free what it owns, and zero it. Also its guard. */
void
graft_table_deinit(struct graft_table *table);

/** Find a process, or NULL. */
struct graft_table_process *
graft_table_find(const struct graft_table *table, pid_t pid);

/**
 * Find a process, or add it.
 *
 * @param[in] start_ticks By which it is told from one that had its number before, which
 * is forgotten.
 * @param[out] ret Lent until it is dropped.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_table_get(struct graft_table *table, pid_t pid, uint64_t start_ticks,
		struct graft_table_process **ret);

/** Forget a process, if it is known. */
void
graft_table_drop(struct graft_table *table, pid_t pid);

/** Forget those that were not there in a round. */
void
graft_table_drop_others(struct graft_table *table, uint32_t round);

/**
 * Say what a process needs now. What is as it was keeps how it went.
 *
 * @param[in] needs Serial and what; in any order.
 */
void
graft_table_set_needs(struct graft_table_process *process,
		      const struct graft_table_need *needs, size_t count);

/** Say whether a need is to be seen to. @param[in] now_us Monotonic. */
bool
graft_table_is_due(const struct graft_table_need *need, uint64_t now_us);

#endif /* GRAFT_AGENT_TABLE_H */
