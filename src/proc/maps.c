// SPDX-License-Identifier: Apache-2.0

#include "proc/maps.h"

#include "base/cursor.h"
#include "base/file.h"
#include "proc/status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	/** More than vm.max_map_count can be raised to in practice. */
	MAPS_MAX = 1 << 22,
	/** Longest maps file that is read: 1 GiB. */
	TEXT_MAX = 1 << 30,
};

/** Take a number of 1 to 16 digits, and the byte behind it. */
static bool
take_number(struct graft_cursor *c, unsigned base, char behind, uint64_t *ret)
{
	uint64_t value = 0;
	size_t digits = 0;
	for (;; digits++) {
		const uint8_t *byte = graft_cursor_take(c, 1);
		if (!byte)
			return false;
		if (*byte == (uint8_t)behind)
			break;
		unsigned digit = *byte - '0';
		if (*byte >= 'a' && *byte <= 'f')
			digit = *byte - 'a' + 10U;
		if (digit >= base || digits == 16)
			return false;
		value = value * base + digit;
	}
	*ret = value;
	return digits > 0;
}

/** Take "rwxp ". */
static bool
take_prot(struct graft_cursor *c, struct graft_map *map)
{
	const uint8_t *p = graft_cursor_take(c, 5);
	if (!p || (p[0] != 'r' && p[0] != '-') ||
	    (p[1] != 'w' && p[1] != '-') || (p[2] != 'x' && p[2] != '-') ||
	    (p[3] != 'p' && p[3] != 's') || p[4] != ' ')
		return false;
	map->prot = (p[0] == 'r' ? PROT_READ : 0) |
		    (p[1] == 'w' ? PROT_WRITE : 0) |
		    (p[2] == 'x' ? PROT_EXEC : 0);
	map->shared = p[3] == 's';
	return true;
}

/**
 * Copy a path. The kernel writes a newline in it as "\012" and nothing else
 * so; a backslash stays itself.
 *
 * @param[out] path Has room for @p len bytes and a NUL.
 * @return Bytes that were written, with the NUL.
 */
static size_t
copy_path(const char *text, size_t len, char *path)
{
	size_t n = 0;

	if (!memchr(text, '\\', len)) {
		memcpy(path, text, len);
		path[len] = '\0';
		return len + 1;
	}
	for (size_t i = 0; i < len; i++) {
		if (len - i >= 4 && memcmp(text + i, "\\012", 4) == 0) {
			path[n++] = '\n';
			i += 3;
		} else {
			path[n++] = text[i];
		}
	}
	path[n] = '\0';
	return n + 1;
}

/**
 * Parse one line, without its newline:
 *
 *     start-end rwxp offset major:minor inode   path
 *
 * @param[in,out] names_io Where its path goes; room for the line.
 */
static struct graft_error *
parse_line(const char *text, size_t len, struct graft_map *map, char **names_io)
{
	struct graft_cursor c = graft_cursor_make(text, len);
	uint64_t major_nr, minor_nr, inode;
	if (!take_number(&c, 16, '-', &map->start) ||
	    !take_number(&c, 16, ' ', &map->end) || !take_prot(&c, map) ||
	    !take_number(&c, 16, ' ', &map->off) ||
	    !take_number(&c, 16, ':', &major_nr) ||
	    !take_number(&c, 16, ' ', &minor_nr) || map->start >= map->end)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "not a line of a maps file: %.*s",
				       (int)(len < 60 ? len : 60), text);

	// The inode is decimal, and ends at a space or with the line.
	const char *at = (const char *)c.at;
	const char *end = text + len;
	for (inode = 0; at < end && *at >= '0' && *at <= '9'; at++)
		inode = inode * 10 + (uint64_t)(*at - '0');
	map->dev = major_nr << 32 | minor_nr;
	map->inode = inode;
	while (at < end && *at == ' ')
		at++;

	static const char gone[] = " (deleted)";
	size_t path_len = (size_t)(end - at);
	if (inode && path_len >= sizeof(gone) - 1 &&
	    memcmp(end - (sizeof(gone) - 1), gone, sizeof(gone) - 1) == 0) {
		map->deleted = true;
		path_len -= sizeof(gone) - 1;
	}
	map->path = *names_io;
	*names_io += copy_path(at, path_len, *names_io);
	return NULL;
}

struct graft_error *
graft_maps_parse(const char *text, size_t len, struct graft_maps **ret)
{
	size_t lines = 0;
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	if (lines > MAPS_MAX)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%zu mappings, more than %d", lines,
				       MAPS_MAX);

	GRAFT_CLEANUP(graft_maps_freep)
	struct graft_maps *maps = calloc(1, sizeof(*maps));
	if (!maps)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "maps");
	maps->maps = calloc(lines + 1, sizeof(*maps->maps));
	// A path is shorter than its line.
	maps->names = malloc(len + 1);
	if (!maps->maps || !maps->names)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "maps");

	char *names = maps->names;
	uint64_t last_end = 0;
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		if (!end)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "the maps file is cut");
		size_t line_len = (size_t)(end - text);
		struct graft_map *map = &maps->maps[maps->count++];
		struct graft_error *err = parse_line(text, line_len, map,
						     &names);
		if (err)
			return err;
		if (map->start < last_end)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"mappings out of order at %" PRIx64,
				map->start);
		last_end = map->end;
		text += line_len + 1;
		len -= line_len + 1;
	}
	*ret = GRAFT_TAKE(maps);
	return NULL;
}

/** Read a maps file whole, in one go as far as the kernel allows it. */
static struct graft_error *
read_all(int fd, char **text_ret, size_t *len_ret)
{
	size_t size = 64 * 1024;
	size_t len = 0;
	GRAFT_FREE char *text = malloc(size);
	while (text) {
		ssize_t got = read(fd, text + len, size - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return graft_error_os(errno, "read");
		if (got == 0) {
			*text_ret = GRAFT_TAKE(text);
			*len_ret = len;
			return NULL;
		}
		len += (size_t)got;
		if (size - len > 4096)
			continue;
		if (size >= TEXT_MAX)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "too long");
		char *more = realloc(text, size * 2);
		if (!more)
			break;
		text = more;
		size *= 2;
	}
	return graft_error_new(GRAFT_ERROR_NO_MEMORY, "maps");
}

/** Read the mappings as a thread has them. @param[out] ret NULL: it has none. */
GRAFT_MUST_CHECK static struct graft_error *
read_thread(pid_t pid, pid_t tid, struct graft_maps **ret)
{
	char path[64];

	*ret = NULL;
	// A path for the kernel to make three objects less for.
	if (tid == pid)
		(void)snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	else
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/maps", pid,
			       tid);
	GRAFT_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return graft_error_new(GRAFT_ERROR_NOT_PERMITTED,
				       "not permitted to read %s", path);
	if (fd < 0 && (errno == ENOENT || errno == ESRCH))
		return graft_error_new(GRAFT_ERROR_TARGET_GONE, "no process %d",
				       pid);
	if (fd < 0)
		return graft_error_os(errno, "open %s", path);

	GRAFT_FREE char *text = NULL;
	size_t len;
	struct graft_error *err = read_all(fd, &text, &len);
	if (err && graft_error_errno(err) == ESRCH)
		len = 0;
	else if (err && (graft_error_errno(err) == EACCES ||
			 graft_error_errno(err) == EPERM)) {
		graft_error_free(err);
		return graft_error_new(GRAFT_ERROR_NOT_PERMITTED,
				       "not permitted to read %s", path);
	} else if (err)
		return graft_error_prefix(err, "%s", path);
	graft_error_free(err);
	if (len == 0)
		return NULL;
	err = graft_maps_parse(text, len, ret);
	return err ? graft_error_prefix(err, "%s", path) : NULL;
}

struct graft_error *
graft_maps_read(pid_t pid, struct graft_maps **ret)
{
	struct graft_maps *maps = NULL;
	struct graft_error *err = read_thread(pid, pid, &maps);

	// A leader that ended has no memory; its threads have.
	if (!err && !maps) {
		pid_t tid = graft_proc_live_tid(pid);
		if (tid)
			err = read_thread(pid, tid, &maps);
	}
	if (err)
		return err;
	if (!maps)
		return graft_error_new(GRAFT_ERROR_TARGET_GONE,
				       "process %d exited", pid);
	*ret = maps;
	return NULL;
}

void
graft_maps_free(struct graft_maps *maps)
{
	if (!maps)
		return;
	free(maps->names);
	free(maps->maps);
	free(maps);
}

const struct graft_map *
graft_maps_at(const struct graft_maps *maps, uint64_t addr)
{
	size_t low = 0;
	size_t high = maps->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (addr < maps->maps[mid].start)
			high = mid;
		else if (addr >= maps->maps[mid].end)
			low = mid + 1;
		else
			return &maps->maps[mid];
	}
	return NULL;
}

/** Is this descriptor the file that the mapping names? */
static bool
is_file_of(int fd, const struct graft_map *map)
{
	struct stat st;
	return fstat(fd, &st) == 0 && st.st_ino == map->inode &&
	       major(st.st_dev) == map->dev >> 32 &&
	       minor(st.st_dev) == (map->dev & UINT32_MAX);
}

bool
graft_map_stat_file(pid_t pid, const struct graft_map *map, struct stat *ret)
{
	char path[96];
	struct stat st;

	(void)snprintf(path, sizeof(path),
		       "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid,
		       map->start, map->end);
	if (!map->inode || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	*ret = st;
	return true;
}

struct graft_error *
graft_map_open_file(pid_t pid, const struct graft_map *map, int *fd_ret)
{
	struct graft_error *err = graft_map_open_file_of(pid, map, fd_ret);

	if (!err)
		return NULL;
	// A leader that ended has no mappings; its threads have.
	pid_t tid = graft_proc_live_tid(pid);
	if (tid == pid)
		return err;
	graft_error_free(err);
	if (tid == 0)
		return graft_error_new(GRAFT_ERROR_TARGET_GONE, "no process %d",
				       pid);
	return graft_map_open_file_of(tid, map, fd_ret);
}

struct graft_error *
graft_map_open_file_of(pid_t tid, const struct graft_map *map, int *fd_ret)
{
	if (map->inode == 0)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "the mapping at %" PRIx64 " has no file",
				       map->start);

	// /proc/TID has all that /proc/PID has, though it is not listed.
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path),
		       "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, tid,
		       map->start, map->end);
	// Not to open what may be a device before it is known to be none.
	GRAFT_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0 && map->path[0] == '/' && !map->deleted) {
		int n = snprintf(path, sizeof(path), "/proc/%d/root%s", tid,
				 map->path);
		if (n > 0 && (size_t)n < sizeof(path))
			fd = open(path, O_PATH | O_CLOEXEC);
		// On btrfs and overlayfs the maps file names another device
		// than stat(2); such a file is not reachable without the right.
		if (fd >= 0 && !is_file_of(fd, map)) {
			(void)close(fd);
			fd = -1;
		}
	}
	struct graft_error *err = fd < 0 ? graft_error_os(errno, "open")
					 : graft_file_open_plain(fd, fd_ret);
	if (!err)
		return NULL;
	graft_error_free(err);
	return graft_error_new(GRAFT_ERROR_NOT_FOUND,
			       "%s: the file that process %d maps can no "
			       "longer be reached",
			       map->path, tid);
}
