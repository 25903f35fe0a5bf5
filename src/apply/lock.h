// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * One work at a time on each process.
 *
 * The locks of all processes are bytes of one file, which nobody writes to:
 * `<state_dir>/processes.lock`, the byte of a process at its number (fcntl(2), open file
 * description locks). To take one and to let go of it is one system call each; a file
 * for each process had to be made, renamed and removed.
 */

#ifndef GRAFT_APPLY_LOCK_H
#define GRAFT_APPLY_LOCK_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** The file, open once for a command. Zeroes: it is not open yet. */
struct graft_locks {
	/** Owned; NULL: not open. */
	char *path;
	int fd;
};

/** Close it; no lock in it is held. Also its guard. */
void
graft_locks_deinit(struct graft_locks *locks);

/** A lock that is held, or not (all zeroes). */
struct graft_lock {
	/** Where it is held; NULL: in #own. Borrowed. */
	struct graft_locks *locks;
	struct graft_locks own;
	bool held;
	pid_t pid;
	/** The claim on the process itself, or -1. */
	int claim_fd;
};

/**
 * Lock a process: its byte for those who share the ledger, and the process itself
 * (proc/claim.h), for those who keep another one.
 *
 * A guardian inherits the lock and holds it until its work is done, even if the
 * tool is killed.
 *
 * @param[in] state_dir Directory; made if it is missing.
 * @param[in,out] locks Opened if it is not, and borrowed until the lock is let go of;
 * NULL: the lock has its own. Always for the same directory, and for each process once at
 * a time: who has the same open file is not kept out.
 * @param[in] pid Process; greater than 0.
 * @param[in] wait_us How long to wait for who holds it.
 * @param[out] ret The lock; let go with graft_lock_deinit().
 * @return NULL; #GRAFT_ERROR_REFUSED if somebody holds it; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_lock_take(const char *state_dir, struct graft_locks *locks, pid_t pid,
		uint64_t wait_us, struct graft_lock *ret);

/** Let go of a lock, if it is held. Also its guard. */
void
graft_lock_deinit(struct graft_lock *lock);

#endif /* GRAFT_APPLY_LOCK_H */
