// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * dpkg(1) at work: its locks, and a run of it that asks nothing and restarts nothing.
 */

#ifndef GRAFT_PERSIST_DPKG_H
#define GRAFT_PERSIST_DPKG_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct graft_hidden;

/** The lock that keeps apt and its like away from the package database. */
struct graft_dpkg_lock {
	/** -1: not held. */
	int fd;
};

/**
 * Take the lock, and see that dpkg itself is not at work.
 *
 * @param[in] root "" or the path of another root.
 * @param[in] wait_us Longest time to wait for who holds it.
 * @param[out] ret Held until graft_dpkg_unlock(), or the end of the process.
 * @return NULL; #GRAFT_ERROR_REFUSED that names who holds it; #GRAFT_ERROR_NOT_PERMITTED;
 * #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dpkg_lock(const char *root, uint64_t wait_us,
		struct graft_dpkg_lock *ret);

/** Give the lock back, if it is held. Also its guard. */
void
graft_dpkg_unlock(struct graft_dpkg_lock *lock);

/** What dpkg is to do. All is lent. */
struct graft_dpkg_run {
	/** "" or the path of another root. */
	const char *root;
	/** Paths of the packages. */
	char *const *debs;
	size_t count;
	/** What it is told to leave out. */
	const struct graft_hidden *hidden;
	/** There are others that go together with them. */
	bool several;
	/** Path of the log. */
	const char *log;
};

/**
 * Install packages by one `dpkg -i`: configuration files that were edited stay, nothing is
 * asked, and no service is restarted (persist/policy.h). Of several each may be without the
 * others for a while.
 *
 * The lock must be held. What dpkg prints goes to the log; if it fails, its last lines are
 * in the error.
 *
 * @return NULL; #GRAFT_ERROR_OS; #GRAFT_ERROR_REFUSED if dpkg fails.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dpkg_install(const struct graft_dpkg_run *what);

#endif /* GRAFT_PERSIST_DPKG_H */
