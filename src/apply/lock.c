// SPDX-License-Identifier: Apache-2.0

#include "apply/lock.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "proc/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	POLL_US = 10 * 1000,
};

/** Say whether the file that we locked is still the one at its path. */
static bool
is_current(int fd, const char *path)
{
	struct stat ours;
	struct stat there;

	return fstat(fd, &ours) == 0 && stat(path, &there) == 0 &&
	       ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

/** Try once. @param[out] fd_ret Descriptor, or -1 if somebody holds it. */
GRAFT_MUST_CHECK static struct graft_error *
try_take(const char *path, int *fd_ret)
{
	*fd_ret = -1;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return graft_error_os(errno, "open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_current(fd, path)) {
		*fd_ret = fd;
		return NULL;
	}
	(void)close(fd);
	return NULL;
}

/** Let go of a lock file: first the name, so that who waits sees it is stale. */
static void
let_go(const char *path, int fd)
{
	(void)unlink(path);
	(void)close(fd);
}

struct graft_error *
graft_lock_take(const char *state_dir, pid_t pid, uint64_t wait_us,
		struct graft_lock *ret)
{
	struct graft_error *err;
	uint64_t deadline = graft_clock_monotonic_us() + wait_us;
	GRAFT_FREE char *dir = NULL;
	GRAFT_FREE char *path = NULL;
	int fd;

	if (asprintf(&dir, "%s/locks", state_dir) < 0)
		return graft_error_no_memory();
	if (asprintf(&path, "%s/%d", dir, (int)pid) < 0)
		return graft_error_no_memory();
	err = graft_dir_make(dir, 0700);
	if (err)
		return err;
	for (;;) {
		int claim_fd = -1;
		bool held = false;
		err = try_take(path, &fd);
		if (err)
			return err;
		if (fd >= 0)
			graft_claim_try(pid, &claim_fd, &held);
		if (fd >= 0 && !held) {
			*ret = (struct graft_lock){ .path = GRAFT_TAKE(path),
						    .fd = fd,
						    .claim_fd = claim_fd };
			return NULL;
		}
		if (fd >= 0)
			let_go(path, fd);
		if (graft_clock_monotonic_us() >= deadline)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"another graft is at work on it (it holds %s%s)",
				held ? "the process, and keeps another ledger than "
				     : "",
				path);
		graft_clock_sleep_us(POLL_US);
	}
}

void
graft_lock_deinit(struct graft_lock *lock)
{
	if (!lock->path)
		return;
	if (lock->claim_fd >= 0)
		(void)close(lock->claim_fd);
	let_go(lock->path, lock->fd);
	free(lock->path);
	*lock = (struct graft_lock){ 0 };
}
