// SPDX-License-Identifier: Apache-2.0

#include "apply/lock.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "proc/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	POLL_US = 10 * 1000,
};

static int
open_file(const char *path)
{
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/** Open the file of all locks, unless it is. */
GRAFT_MUST_CHECK static struct graft_error *
locks_open(struct graft_locks *locks, const char *state_dir)
{
	GRAFT_FREE char *path = NULL;

	if (locks->path)
		return NULL;
	if (asprintf(&path, "%s/processes.lock", state_dir) < 0) {
		path = NULL;
		return graft_error_no_memory();
	}
	int fd = open_file(path);
	if (fd < 0 && errno == ENOENT) {
		struct graft_error *err = graft_dir_make(state_dir, 0700);
		if (err)
			return err;
		fd = open_file(path);
	}
	if (fd < 0)
		return graft_error_os(errno, "open %s", path);
	*locks = (struct graft_locks){ .path = GRAFT_TAKE(path), .fd = fd };
	return NULL;
}

void
graft_locks_deinit(struct graft_locks *locks)
{
	if (!locks->path)
		return;
	(void)close(locks->fd);
	free(locks->path);
	*locks = (struct graft_locks){ 0 };
}

/** Take or let go of the byte of a process. @return 0, or -1 with errno. */
static int
set(const struct graft_locks *locks, pid_t pid, short type)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = pid,
		.l_len = 1,
	};

	return fcntl(locks->fd, F_OFD_SETLK, &lock);
}

/** Try once. @param[out] held_ret It is ours. */
GRAFT_MUST_CHECK static struct graft_error *
try_take(const struct graft_locks *locks, pid_t pid, bool *held_ret)
{
	*held_ret = set(locks, pid, F_WRLCK) == 0;
	if (*held_ret || errno == EAGAIN || errno == EACCES || errno == EINTR)
		return NULL;
	return graft_error_os(errno, "lock process %d in %s", (int)pid,
			      locks->path);
}

struct graft_error *
graft_lock_take(const char *state_dir, struct graft_locks *locks, pid_t pid,
		uint64_t wait_us, struct graft_lock *ret)
{
	GRAFT_CLEANUP(graft_locks_deinit) struct graft_locks own = { 0 };
	struct graft_locks *in = locks ? locks : &own;
	uint64_t deadline = graft_clock_monotonic_us() + wait_us;
	struct graft_error *err = locks_open(in, state_dir);

	if (err)
		return err;
	for (;;) {
		int claim_fd = -1;
		bool claimed = false;
		bool held;
		err = try_take(in, pid, &held);
		if (err)
			return err;
		if (held)
			graft_claim_try(pid, &claim_fd, &claimed);
		if (held && !claimed) {
			*ret = (struct graft_lock){ .locks = locks,
						    .own = own,
						    .held = true,
						    .pid = pid,
						    .claim_fd = claim_fd };
			own = (struct graft_locks){ 0 };
			return NULL;
		}
		if (held)
			(void)set(in, pid, F_UNLCK);
		if (graft_clock_monotonic_us() >= deadline)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"another graft is at work on it (it holds %s%s)",
				held ? "the process, and keeps another ledger than "
				     : "its lock in ",
				in->path);
		graft_clock_sleep_us(POLL_US);
	}
}

void
graft_lock_deinit(struct graft_lock *lock)
{
	if (!lock->held)
		return;
	if (lock->claim_fd >= 0)
		(void)close(lock->claim_fd);
	(void)set(lock->locks ? lock->locks : &lock->own, lock->pid, F_UNLCK);
	graft_locks_deinit(&lock->own);
	*lock = (struct graft_lock){ 0 };
}
