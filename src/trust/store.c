// SPDX-License-Identifier: Apache-2.0

#include "trust/store.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "trust/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum {
	WAIT_US = 10 * 1000 * 1000,
	STEP_US = 20 * 1000,
};

struct graft_trust_store {
	char *path;
	int fd;
};

void
graft_trust_store_close(struct graft_trust_store *store)
{
	if (!store)
		return;
	if (store->fd >= 0)
		(void)close(store->fd);
	free(store->path);
	free(store);
}

/** Lock the directory itself: no file of ours stands among the roles. */
GRAFT_MUST_CHECK static struct graft_error *
lock(const struct graft_trust_store *store)
{
	const uint64_t end = graft_clock_monotonic_us() + WAIT_US;

	while (flock(store->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return graft_error_os(errno, "lock %s", store->path);
		if (graft_clock_monotonic_us() > end)
			return graft_error_new(GRAFT_ERROR_REFUSED,
					       "%s: another program is at work "
					       "on it: try again later",
					       store->path);
		graft_clock_sleep_us(STEP_US);
	}
	return NULL;
}

/**
 * Make the directory, for us alone: whoever may read it may lock it, and keep what is new
 * from us for as long as he likes.
 */
GRAFT_MUST_CHECK static struct graft_error *
make_dir(const char *dir)
{
	GRAFT_FREE char *above = strdup(dir);

	if (!above)
		return graft_error_no_memory();
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return NULL;
	if (errno != ENOENT)
		return graft_error_os(errno, "mkdir %s", dir);
	size_t len = strlen(above);
	while (len > 1 && above[len - 1] == '/')
		above[--len] = '\0';
	char *slash = strrchr(above, '/');
	if (!slash || slash == above)
		return graft_error_os(ENOENT, "mkdir %s", dir);
	*slash = '\0';
	struct graft_error *err = graft_dir_make(above, 0755);
	if (err)
		return err;
	return mkdir(dir, 0700) < 0 && errno != EEXIST
		       ? graft_error_os(errno, "mkdir %s", dir)
		       : NULL;
}

struct graft_error *
graft_trust_store_open(const char *dir, bool make,
		       struct graft_trust_store **ret)
{
	GRAFT_CLEANUP(graft_trust_store_closep)
	struct graft_trust_store *store = calloc(1, sizeof(*store));
	if (!store)
		return graft_error_no_memory();
	store->fd = -1;
	store->path = strdup(dir);
	if (!store->path)
		return graft_error_no_memory();

	struct graft_error *err = make ? make_dir(dir) : NULL;
	if (err)
		return err;
	store->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->fd < 0 && errno == ENOENT)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s: no such directory", dir);
	if (store->fd < 0)
		return graft_error_os(errno, "open %s", dir);
	err = lock(store);
	if (err)
		return err;
	graft_file_sweep(dir, "*.json");
	*ret = GRAFT_TAKE(store);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
path_of(const struct graft_trust_store *store, const char *role, char **ret)
{
	GRAFT_FREE char *name = NULL;
	struct graft_error *err = graft_escape_file(role, ".json", &name);

	if (err)
		return err;
	if (asprintf(ret, "%s/%s", store->path, name) < 0) {
		*ret = NULL;
		return graft_error_no_memory();
	}
	return NULL;
}

struct graft_error *
graft_trust_store_read(const struct graft_trust_store *store, const char *role,
		       uint64_t max, uint8_t **bytes_ret, size_t *len_ret)
{
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = path_of(store, role, &path);

	return err ? err : graft_file_read(path, max, bytes_ret, len_ret);
}

struct graft_error *
graft_trust_store_write(struct graft_trust_store *store, const char *role,
			const void *bytes, size_t len)
{
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = path_of(store, role, &path);

	return err ? err : graft_file_write(path, bytes, len, 0644);
}

struct graft_error *
graft_trust_store_remove(struct graft_trust_store *store, const char *role)
{
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = path_of(store, role, &path);

	if (err)
		return err;
	if (unlink(path) < 0 && errno != ENOENT)
		return graft_error_os(errno, "remove %s", path);
	if (fsync(store->fd) < 0)
		return graft_error_os(errno, "fsync %s", store->path);
	return NULL;
}

const char *
graft_trust_store_path(const struct graft_trust_store *store)
{
	return store->path;
}

bool
graft_trust_store_is(const struct graft_trust_store *store, const char *dir)
{
	struct stat here;
	struct stat there;

	return fstat(store->fd, &here) == 0 && stat(dir, &there) == 0 &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}
