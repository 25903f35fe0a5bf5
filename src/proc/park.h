// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A thread that loads a library, put to sleep before the program can use it.
 *
 *     opens it --seize()--> traced --sleep()--> sleeps --wake(), or its time--> goes on
 *
 * It sleeps in a system call of its own (proc/injection.h), traced by nobody, for a time
 * that it gave the kernel itself. So whatever becomes of us, it goes on: there is nothing to
 * be taken back. Meanwhile it is a thread like any other, and others can trace it.
 */

#ifndef GRAFT_PROC_PARK_H
#define GRAFT_PROC_PARK_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

/** A thread. */
struct graft_park;

/**
 * Seize a thread that waits in an open(2), so that it stops behind it.
 *
 * @param[in] pid Its process.
 * @param[in] tid The thread: it waits until somebody lets its open go on.
 * @param[out] ret New; free with graft_park_free(), which lets it go.
 * @return NULL; #GRAFT_ERROR_REFUSED if it is not the dynamic linker that opens the file;
 * as graft_target_open(); #GRAFT_ERROR_TRACED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_park_seize(pid_t pid, pid_t tid, struct graft_park **ret);

/**
 * Let it go on until all that it loads is there, and put it to sleep. It is not traced any
 * more, whatever comes back.
 *
 * @param[in] lead_us Longest time until it sleeps.
 * @param[in] sleep_us Longest time that it sleeps.
 * @return NULL; #GRAFT_ERROR_REFUSED if it does something else, or cannot be made to sleep
 * (a filter of system calls, no room on its stack); #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_park_sleep(struct graft_park *park, uint64_t lead_us, uint64_t sleep_us);

/** Wake it, if it sleeps still. */
void
graft_park_wake(struct graft_park *park);

/** Let go of a thread. One that sleeps sleeps on, for its time. NULL is a no-op. */
void
graft_park_free(struct graft_park *park);
GRAFT_DEFINE_CLEANUP(struct graft_park, graft_park_free)

#endif /* GRAFT_PROC_PARK_H */
