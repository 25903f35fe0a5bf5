// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * When a process that could not be switched is stopped again. Inside apply/ only.
 *
 * Each stop costs a process a pause, and some of its calls the time that they had waited
 * (proc/timeouts.h). So:
 *
 * - as long as the thread that was in the way sits in the same system call, and the word
 *   that gave it away is where it was, there is nothing to try: that is looked at without
 *   a stop. It proves nothing, so now and then it is tried all the same;
 * - else it is tried again soon, then every 50 ms;
 * - who waits in a call that begins anew is left alone for the whole of its time once it
 *   was held up for a quarter of that.
 */

#ifndef GRAFT_APPLY_PATIENCE_H
#define GRAFT_APPLY_PATIENCE_H

#include "apply/active.h"
#include "proc/timeouts.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** What was in the way in a stop. */
struct graft_obstacle {
	/** It is a thread or context that @ref hit tells. */
	bool known;
	struct graft_active_hit hit;
	struct graft_timeouts timeouts;
};

/** The tries of a process. All times are those of graft_clock_monotonic_us(). */
struct graft_patience {
	pid_t pid;
	/** Our parent, who waits for us; 0: nobody. */
	pid_t owner;
	uint64_t start_us;
	uint64_t deadline_us;
	/** How long to wait the next time. */
	uint64_t delay_us;
	/** When timeouts of each class could run out last. */
	uint64_t quiet_us[GRAFT_TIMEOUTS_CLASSES];
};

/** Begin, with the first try. @param[in] wait_us How long to try. */
void
graft_patience_begin(struct graft_patience *patience, pid_t pid, pid_t owner,
		     uint64_t wait_us);

/**
 * Choose how long to leave the process alone.
 *
 * @param[in] now_us The time, before the deadline.
 * @param[in] timeouts Of its threads.
 * @return Microseconds, to the deadline at most.
 */
uint64_t
graft_patience_delay(struct graft_patience *patience, uint64_t now_us,
		     const struct graft_timeouts *timeouts);

/** Note that the process was left alone from @p from_us to @p to_us. */
void
graft_patience_note(struct graft_patience *patience, uint64_t from_us,
		    uint64_t to_us, const struct graft_timeouts *timeouts);

/**
 * Wait until it is worth to try again. The process is not attached to.
 *
 * @return false: the time is over, or nobody waits for us any more.
 */
bool
graft_patience_wait(struct graft_patience *patience,
		    const struct graft_obstacle *obstacle);

#endif /* GRAFT_APPLY_PATIENCE_H */
