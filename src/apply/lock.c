// SPDX-License-Identifier: Apache-2.0

#include "apply/lock.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "proc/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static int
open_file(const char *path)
{
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/** Try once. @param[out] fd_ret Descriptor, or -1 if somebody holds it. */
GRAFT_MUST_CHECK static struct graft_error *
try_take(const char *dir, const char *path, int *fd_ret)
{
	*fd_ret = -1;
	int fd = open_file(path);
	if (fd < 0 && errno == ENOENT) {
		struct graft_error *err = graft_dir_make(dir, 0700);
		if (err)
			return err;
		fd = open_file(path);
	}
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

static void
spare_path(const char *dir, size_t index, char ret[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/spare.%zu", dir, index);
}

/** Give a file a name that nobody has. */
static bool
rename_new(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0;
}

/** Remove what somebody left who was killed: nobody holds it. */
static void
remove_left(const char *path)
{
	GRAFT_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    is_current(fd, path))
		(void)unlink(path);
}

/** Begin to keep files. @return false if that does not work. */
static bool
begin_spares(struct graft_lock_spares *spares, const char *path)
{
	char spare[PATH_MAX];

	if (spares->dir)
		return true;
	spares->dir = strndup(path, (size_t)(strrchr(path, '/') - path));
	for (size_t i = 0; spares->dir && i < GRAFT_LOCK_SPARES; i++) {
		spare_path(spares->dir, i, spare);
		remove_left(spare);
	}
	return spares->dir;
}

/**
 * Let go of a lock, and keep its file, which stays held: who opened it by the name that
 * it loses cannot take it, and looks at the name again.
 */
static void
put_back(struct graft_lock_spares *spares, const char *path, int fd)
{
	char spare[PATH_MAX];
	bool kept = false;

	for (size_t i = 0; spares && !kept && begin_spares(spares, path) &&
			   i < GRAFT_LOCK_SPARES;
	     i++) {
		spare_path(spares->dir, i, spare);
		kept = !spares->kept[i] && rename_new(path, spare);
		if (kept) {
			spares->kept[i] = true;
			spares->fds[i] = fd;
		}
	}
	if (!kept)
		let_go(path, fd);
}

/**
 * Make a file that is kept the lock of a process: it has the name only if nobody else's
 * file had it, and then it is held already.
 *
 * @return Its descriptor; -1: there is none, or somebody may hold the lock.
 */
static int
take_spare(struct graft_lock_spares *spares, const char *path)
{
	char spare[PATH_MAX];

	for (size_t i = 0; spares && i < GRAFT_LOCK_SPARES; i++) {
		if (!spares->kept[i])
			continue;
		spare_path(spares->dir, i, spare);
		if (!rename_new(spare, path))
			return -1;
		spares->kept[i] = false;
		return spares->fds[i];
	}
	return -1;
}

void
graft_lock_spares_deinit(struct graft_lock_spares *spares)
{
	char spare[PATH_MAX];

	for (size_t i = 0; i < GRAFT_LOCK_SPARES; i++) {
		if (!spares->kept[i])
			continue;
		spare_path(spares->dir, i, spare);
		let_go(spare, spares->fds[i]);
	}
	free(spares->dir);
	*spares = (struct graft_lock_spares){ 0 };
}

struct graft_error *
graft_lock_take(const char *state_dir, struct graft_lock_spares *spares,
		pid_t pid, uint64_t wait_us, struct graft_lock *ret)
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
	for (;;) {
		int claim_fd = -1;
		bool held = false;
		fd = take_spare(spares, path);
		if (fd < 0) {
			err = try_take(dir, path, &fd);
			if (err)
				return err;
		}
		if (fd >= 0)
			graft_claim_try(pid, &claim_fd, &held);
		if (fd >= 0 && !held) {
			*ret = (struct graft_lock){ .spares = spares,
						    .path = GRAFT_TAKE(path),
						    .fd = fd,
						    .claim_fd = claim_fd };
			return NULL;
		}
		if (fd >= 0)
			put_back(spares, path, fd);
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
	put_back(lock->spares, lock->path, lock->fd);
	free(lock->path);
	*lock = (struct graft_lock){ 0 };
}
