// SPDX-License-Identifier: Apache-2.0

#include "base/file.h"

#include "base/cleanup.h"
#include "base/fault.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	FIRST_ROOM = 4096,
	/** Of `.XXXXXX`. */
	END_LEN = 7,
};

static struct graft_error *
limit_error(uint64_t max)
{
	return graft_error_new(GRAFT_ERROR_LIMIT,
			       "larger than %llu bytes, which is the limit",
			       (unsigned long long)max);
}

/** Read into @p buf until it is full or the file ends. */
static struct graft_error *
read_full(int fd, uint8_t *buf, size_t len, size_t *ret)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, buf + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return graft_error_os(errno, "read");
		if (n == 0)
			break;
		got += (size_t)n;
	}
	*ret = got;
	return NULL;
}

/** How much to ask for first: the size that the file says it has, and one. */
static size_t
first_room(int fd, uint64_t max)
{
	struct stat st;
	uint64_t room = FIRST_ROOM;

	// A size is a hint only: the file may grow or be of /proc.
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		room = (uint64_t)st.st_size + 1;
	return (size_t)(room <= max ? room : max + 1);
}

struct graft_error *
graft_file_read_fd(int fd, uint64_t max, uint8_t **bytes_ret, size_t *len_ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t room = 0;
	size_t len = 0;

	if (max >= SIZE_MAX / 4)
		max = SIZE_MAX / 4;
	for (size_t want = first_room(fd, max);; want = 2 * room) {
		// One byte more than allowed is read to tell "too long" from
		// "just fits"; one more holds the NUL.
		if (want > max + 1)
			want = (size_t)max + 1;
		uint8_t *more = realloc(bytes, want + 1);
		if (!more)
			return graft_error_no_memory();
		bytes = more;
		room = want;

		size_t got = 0;
		struct graft_error *err = read_full(fd, bytes + len, room - len,
						    &got);
		if (err)
			return err;
		len += got;
		if (len > max)
			return limit_error(max);
		if (len < room)
			break;
	}
	bytes[len] = '\0';
	*bytes_ret = GRAFT_TAKE(bytes);
	*len_ret = len;
	return NULL;
}

struct graft_error *
graft_file_open_regular(const char *path, int flags, int *fd_ret)
{
	struct stat st;
	// O_NONBLOCK: opening a pipe that nobody writes to must not hang.
	GRAFT_CLOSE int fd = open(path,
				  O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s: no such file", path);
	if (fd < 0)
		return graft_error_os(errno, "open %s", path);
	if (fstat(fd, &st) < 0)
		return graft_error_os(errno, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "%s: not a regular file", path);
	*fd_ret = fd;
	fd = -1;
	return NULL;
}

struct graft_error *
graft_file_read(const char *path, uint64_t max, uint8_t **bytes_ret,
		size_t *len_ret)
{
	GRAFT_CLOSE int fd = -1;
	struct graft_error *err = graft_file_open_regular(path, 0, &fd);

	if (err)
		return err;
	err = graft_file_read_fd(fd, max, bytes_ret, len_ret);
	return err ? graft_error_prefix(err, "%s", path) : NULL;
}

struct graft_error *
graft_file_open_plain(int path_fd, int *fd_ret)
{
	char name[32];
	struct stat st;

	if (fstat(path_fd, &st) < 0)
		return graft_error_os(errno, "stat");
	if (!S_ISREG(st.st_mode))
		return graft_error_new(GRAFT_ERROR_NOT_FOUND, "no plain file");
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd);
	// O_NONBLOCK: who has a lease on it must not keep us waiting.
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return graft_error_os(errno, "open");
	*fd_ret = fd;
	return NULL;
}

struct graft_error *
graft_file_write_fd(int fd, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return graft_error_os(errno, "write");
		at += n;
		len -= (size_t)n;
	}
	return NULL;
}

/** Fill and sync the file beside. */
static struct graft_error *
write_synced(int fd, const void *bytes, size_t len, mode_t mode)
{
	struct graft_error *err = graft_fault("file-write");
	if (err)
		return err;
	err = graft_file_write_fd(fd, bytes, len);
	if (err)
		return err;
	if (fchmod(fd, mode) < 0)
		return graft_error_os(errno, "chmod");
	if (fsync(fd) < 0)
		return graft_error_os(errno, "fsync");
	return NULL;
}

struct graft_error *
graft_file_sync_parent(const char *path)
{
	GRAFT_FREE char *dir = strdup(path);
	if (!dir)
		return graft_error_no_memory();
	char *slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	GRAFT_CLOSE int fd = open(slash ? dir : ".",
				  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return graft_error_os(errno, "open the directory");
	if (fsync(fd) < 0)
		return graft_error_os(errno, "fsync the directory");
	return NULL;
}

/** A file beside its final path; unlinked when its scope ends, if it is there. */
static void
unlink_beside(char **path)
{
	if (*path)
		(void)unlink(*path);
	free(*path);
}

struct graft_error *
graft_file_check_place(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return NULL;
	if (S_ISREG(st.st_mode))
		return NULL;
	if (S_ISDIR(st.st_mode))
		return graft_error_os(EISDIR, "rename");
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "it is no regular file, and is left alone");
}

static struct graft_error *
write_and_rename(const char *path, const void *bytes, size_t len, mode_t mode)
{
	GRAFT_FREE char *name = NULL;
	struct graft_error *err = graft_file_check_place(path);
	if (err)
		return err;
	if (asprintf(&name, "%s.XXXXXX", path) < 0) {
		name = NULL;
		return graft_error_no_memory();
	}
	GRAFT_CLOSE int fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return graft_error_os(errno, "create a file beside");
	GRAFT_CLEANUP(unlink_beside) char *beside = GRAFT_TAKE(name);

	err = write_synced(fd, bytes, len, mode);
	if (err)
		return err;
	err = graft_fault("file-rename");
	if (err)
		return err;
	if (rename(beside, path) < 0)
		return graft_error_os(errno, "rename");
	free(GRAFT_TAKE(beside));
	return graft_file_sync_parent(path);
}

struct graft_error *
graft_file_write(const char *path, const void *bytes, size_t len, mode_t mode)
{
	struct graft_error *err = write_and_rename(path, bytes, len, mode);

	return err ? graft_error_prefix(err, "write %s", path) : NULL;
}

/** Cut the end that mkostemp(3) gave a name. False: it has none. */
static bool
cut_end(char *name)
{
	const size_t len = strlen(name);

	if (len < END_LEN)
		return false;
	char *end = name + len - END_LEN;
	if (*end != '.')
		return false;
	for (const char *at = end + 1; *at; at++) {
		if (!isalnum((unsigned char)*at))
			return false;
	}
	*end = '\0';
	return true;
}

void
graft_file_sweep(const char *folder, const char *pattern)
{
	DIR *dir = opendir(folder);

	for (struct dirent *at; dir && (at = readdir(dir));) {
		GRAFT_FREE char *name = strdup(at->d_name);
		struct stat st;
		if (name && cut_end(name) && fnmatch(pattern, name, 0) == 0 &&
		    fstatat(dirfd(dir), at->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
			    0 &&
		    S_ISREG(st.st_mode))
			(void)unlinkat(dirfd(dir), at->d_name, 0);
	}
	if (dir)
		(void)closedir(dir);
}

struct graft_error *
graft_dir_make(const char *path, mode_t mode)
{
	GRAFT_FREE char *copy = strdup(path);
	if (!copy)
		return graft_error_no_memory();

	// Each slash but a leading one ends the name of a directory above.
	for (char *at = copy; *at; at++) {
		if (*at != '/' || at == copy)
			continue;
		*at = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return graft_error_os(errno, "mkdir %s", copy);
		*at = '/';
	}
	if (mkdir(copy, mode) < 0 && errno != EEXIST)
		return graft_error_os(errno, "mkdir %s", path);

	struct stat st;
	if (stat(path, &st) < 0)
		return graft_error_os(errno, "stat %s", path);
	if (!S_ISDIR(st.st_mode))
		return graft_error_os(ENOTDIR, "mkdir %s", path);
	return NULL;
}
