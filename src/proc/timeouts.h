// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * How long the threads of a stopped target were to wait in calls that begin anew behind
 * the stop.
 *
 * After a stop most calls go on where they were: the kernel keeps the time that is left
 * of a nanosleep(2), poll(2), select(2) or futex(2). Of some it keeps nothing, and they
 * wait their whole time again (epoll_wait(2)). A process that is stopped more often than
 * such a call lasts never sees it end: its timers stand still.
 *
 * Not seen: the timeouts of sockets (SO_RCVTIMEO), which no register names.
 */

#ifndef GRAFT_PROC_TIMEOUTS_H
#define GRAFT_PROC_TIMEOUTS_H

#include "proc/target.h"

#include <stdint.h>

enum {
	/** Enough for more than an hour. */
	GRAFT_TIMEOUTS_CLASSES = 33,
};

/** Timeouts, the longest of each power of two. */
struct graft_timeouts {
	/** [k]: of those from 2^k microseconds on, and shorter than 2^(k+1), the longest;
	 * 0 if there is none. */
	uint64_t us[GRAFT_TIMEOUTS_CLASSES];
};

/**
 * Add a timeout. Those of 0, and of more than an hour, are left out: the one never
 * waits, and the other is nobody's clock.
 */
void
graft_timeouts_add(struct graft_timeouts *timeouts, uint64_t us);

/**
 * Look at all threads of a target. State STOPPED.
 *
 * @param[out] ret What their registers, and memory where they point there, say.
 */
void
graft_timeouts_read(struct graft_target *target, struct graft_timeouts *ret);

#endif /* GRAFT_PROC_TIMEOUTS_H */
