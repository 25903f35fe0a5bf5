// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * While others stand still for us: run before everybody else, never wait for
 * ever.
 *
 * Both objects belong to the calling thread.
 */

#ifndef GRAFT_PROC_URGENT_H
#define GRAFT_PROC_URGENT_H

#include "base/error.h"

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

/** The scheduling that the calling thread had. */
struct graft_urgent {
	bool active;
	int policy;
	struct sched_param param;
};

/**
 * Make the calling thread SCHED_FIFO, if the system allows it.
 *
 * Busy threads that were let go else take the processor before the others are
 * let go. No-op if @p urgent is active.
 */
void
graft_urgent_begin(struct graft_urgent *urgent);

/** Give the calling thread its scheduling back. No-op if not active. */
void
graft_urgent_end(struct graft_urgent *urgent);

/** A signal to the calling thread each millisecond, that ends waitpid(2). */
struct graft_tick {
	timer_t timer;
	bool active;
	/** Whose it is. */
	pid_t tid;
	struct sigaction old_action;
	sigset_t old_mask;
};

/**
 * Start ticking: a blocking call in this thread returns EINTR within 1 ms.
 *
 * Uses the signal SIGRTMAX - 2 of this process until graft_tick_end().
 *
 * @param[out] tick Storage of the caller; graft_tick_end() it.
 * @return NULL; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tick_begin(struct graft_tick *tick);

/** Stop ticking. No-op if not active. */
void
graft_tick_end(struct graft_tick *tick);

/**
 * Start ticking as graft_tick_begin(), with what graft_tick_rest() kept: a timer costs
 * more than the wait that it is for.
 *
 * @param[in,out] tick All zero, or what rests; a child that finds its parent's makes its
 * own.
 * @return NULL; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tick_again(struct graft_tick *tick);

/** Stop ticking, and keep the timer until graft_tick_end(). No-op if not active. */
void
graft_tick_rest(struct graft_tick *tick);

#endif /* GRAFT_PROC_URGENT_H */
