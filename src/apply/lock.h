// SPDX-License-Identifier: Apache-2.0

/** @file One work at a time on each process. */

#ifndef GRAFT_APPLY_LOCK_H
#define GRAFT_APPLY_LOCK_H

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

/** A lock that is held, or not (all zeroes). */
struct graft_lock {
	/** Path of the lock file; owned. */
	char *path;
	int fd;
	/** The claim on the process itself, or -1. */
	int claim_fd;
};

/**
 * Lock a process: `<state_dir>/locks/<pid>`, for those who share the ledger, and
 * the process itself (proc/claim.h), for those who keep another one.
 *
 * A guardian inherits the lock and holds it until its work is done, even if the
 * tool is killed.
 *
 * @param[in] state_dir Directory; made if it is missing.
 * @param[in] wait_us How long to wait for who holds it.
 * @param[out] ret The lock; let go with graft_lock_deinit().
 * @return NULL; #GRAFT_ERROR_REFUSED if somebody holds it; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_lock_take(const char *state_dir, pid_t pid, uint64_t wait_us,
		struct graft_lock *ret);

/** Let go of a lock, if it is held. Also its guard. */
void
graft_lock_deinit(struct graft_lock *lock);

#endif /* GRAFT_APPLY_LOCK_H */
