// SPDX-License-Identifier: Apache-2.0

/** @file Threads that cannot make a system call for us, and why. Inside proc/ only. */

#ifndef GRAFT_PROC_UNUSABLE_H
#define GRAFT_PROC_UNUSABLE_H

#include "base/error.h"
#include "proc/tracee.h"

#include <stddef.h>
#include <sys/types.h>

/** Why a thread cannot be used. */
enum graft_unusable_reason {
	GRAFT_UNUSABLE_NOT_RUNNING,
	GRAFT_UNUSABLE_NOT_STOPPED,
	GRAFT_UNUSABLE_NOT_CALM,
	GRAFT_UNUSABLE_NO_REGISTERS,
	GRAFT_UNUSABLE_NO_ROOM,
	GRAFT_UNUSABLE_NOT_WRITTEN,
	GRAFT_UNUSABLE_FILTER_READ,
	GRAFT_UNUSABLE_FILTER_DEADLY,
	GRAFT_UNUSABLE_SHADOW_STACK,
	GRAFT_UNUSABLE_COUNT,
};

/** How many threads could not be used for one reason, and which was first. */
struct graft_unusable_threads {
	size_t count;
	pid_t tid;
};

/** All that could not be used, by reason. */
struct graft_unusable {
	struct graft_unusable_threads threads[GRAFT_UNUSABLE_COUNT];
};

/** Count a thread. */
void
graft_unusable_note(struct graft_unusable *unusable,
		    enum graft_unusable_reason reason, pid_t tid);

/**
 * Say why none of the threads could be used.
 *
 * @return #GRAFT_ERROR_REFUSED, or no memory; never NULL.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_unusable_say(const struct graft_unusable *unusable,
		   const struct graft_target *target);

#endif /* GRAFT_PROC_UNUSABLE_H */
