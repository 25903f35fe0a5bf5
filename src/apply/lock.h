// SPDX-License-Identifier: Apache-2.0

/** @file One work at a time on each process. */

#ifndef GRAFT_APPLY_LOCK_H
#define GRAFT_APPLY_LOCK_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	/** Lock files that are kept for the next processes. */
	GRAFT_LOCK_SPARES = 32,
};

/**
 * Lock files that were let go of and serve for the next processes. To make a file and
 * to remove it is dear where many were removed in the last seconds: ext4 goes over the
 * numbers of all of them.
 *
 * Zeroes: none. Each is held all the time, under a name of its own,
 * `<state_dir>/locks/spare.<n>`.
 */
struct graft_lock_spares {
	/** Owned; NULL: none was kept yet. */
	char *dir;
	bool kept[GRAFT_LOCK_SPARES];
	int fds[GRAFT_LOCK_SPARES];
};

/** Remove all. Also its guard. */
void
graft_lock_spares_deinit(struct graft_lock_spares *spares);

/** A lock that is held, or not (all zeroes). */
struct graft_lock {
	/** Where the file goes; borrowed. NULL: it is removed. */
	struct graft_lock_spares *spares;
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
 * @param[in,out] spares Borrowed until the lock is let go of; NULL: none are kept. Always
 * for the same directory.
 * @param[in] wait_us How long to wait for who holds it.
 * @param[out] ret The lock; let go with graft_lock_deinit().
 * @return NULL; #GRAFT_ERROR_REFUSED if somebody holds it; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_lock_take(const char *state_dir, struct graft_lock_spares *spares,
		pid_t pid, uint64_t wait_us, struct graft_lock *ret);

/** Let go of a lock, if it is held. Also its guard. */
void
graft_lock_deinit(struct graft_lock *lock);

#endif /* GRAFT_APPLY_LOCK_H */
