// SPDX-License-Identifier: Apache-2.0

#include "proc/memory_group.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "proc/group_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/** Longest file of a group that is looked at, by far. */
	TEXT_MAX = 8192,
	/** Longest file that holds one number. */
	NUMBER_MAX = 64,
	/** Longest file that names the groups of a process: a path for each of the
	 * hierarchies, of which there are less than twenty. */
	NAMES_MAX = 20 * PATH_MAX,
	/** What it mostly takes. */
	NAMES_MOSTLY = 4096,
	/** Files that are kept open; what more there are is opened each time. */
	HELD_MAX = 128,
};

/** A limit of at least so many bytes is none: that much memory and swap there is
 * nowhere. The kernel says so of groups without one (PAGE_COUNTER_MAX). */
static const uint64_t NO_LIMIT = (uint64_t)1 << 62;

/** How one of the two versions of control groups names things. */
struct version {
	/** Limit and usage; the second pair counts what is swapped too. */
	const char *files[2][2];
	/** Lines of memory.stat: what is added, what is taken away. */
	const char *clean[2];
	const char *dirty[2];
};

// Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst of the kernel.
static const struct version VERSIONS[] = {
	[GRAFT_GROUP_V1] = {
		.files = { { "memory.limit_in_bytes", "memory.usage_in_bytes" },
			   { "memory.memsw.limit_in_bytes",
			     "memory.memsw.usage_in_bytes" } },
		.clean = { "total_active_file", "total_inactive_file" },
		.dirty = { "total_dirty", "total_writeback" },
	},
	[GRAFT_GROUP_V2] = {
		.files = { { "memory.max", "memory.current" } },
		.clean = { "active_file", "inactive_file" },
		.dirty = { "file_dirty", "file_writeback" },
	},
};

/** Read a number; what is none, or no 64-bit number, is refused. */
static bool
take_number(const char *text, uint64_t *ret)
{
	uint64_t value = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'),
					   &value))
			return false;
	}
	if (at == text || (*at != '\0' && *at != '\n'))
		return false;
	*ret = value;
	return true;
}

/** A group, and its files that are open: limit and usage, twice; -1: not yet. */
struct level {
	struct level *above;
	const struct version *version;
	int fds[2][2];
	/** It was seen to have no such limit. */
	bool unlimited[2];
	char folder[];
};

/** The groups of all processes of which /proc says the same. */
struct known {
	struct known *next;
	/** From the group of each hierarchy upwards. Owned. */
	struct level *levels;
	/** What the process's cgroup file holds. */
	char names[];
};

struct graft_memory_groups {
	struct known *list;
	/** Files that are open. */
	size_t held;
};

struct graft_error *
graft_memory_groups_new(struct graft_memory_groups **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? NULL : graft_error_no_memory();
}

static void
known_free(struct known *known)
{
	while (known && known->levels) {
		struct level *level = known->levels;
		known->levels = level->above;
		for (size_t i = 0; i < 4; i++) {
			if (level->fds[i / 2][i % 2] >= 0)
				(void)close(level->fds[i / 2][i % 2]);
		}
		free(level);
	}
	free(known);
}
GRAFT_DEFINE_CLEANUP(struct known, known_free)

void
graft_memory_groups_forget(struct graft_memory_groups *groups)
{
	while (groups && groups->list) {
		struct known *known = groups->list;
		groups->list = known->next;
		known_free(known);
	}
	if (groups)
		groups->held = 0;
}

void
graft_memory_groups_free(struct graft_memory_groups *groups)
{
	graft_memory_groups_forget(groups);
	free(groups);
}

/** Read a file of a group from its beginning. @param[in] size Of the buffer. */
static bool
read_text(int fd, char *text, size_t size)
{
	size_t len = 0;

	while (len + 1 < size) {
		ssize_t got = pread(fd, text + len, size - 1 - len, (off_t)len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		len += (size_t)got;
		// The line of a file that holds one number is whole.
		if (got == 0 || (size == NUMBER_MAX && text[len - 1] == '\n'))
			break;
	}
	text[len] = '\0';
	return true;
}

static int
open_file(const struct level *level, const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", level->folder, name);

	return n < 0 || (size_t)n >= sizeof(path)
		       ? -1
		       : open(path, O_RDONLY | O_CLOEXEC);
}

/**
 * Read the number in a file of a group as it is now.
 *
 * @param[in,out] fd_io The file, if it is open.
 * @param[in,out] held How many are, or NULL: none stays open.
 */
static bool
read_number(const struct level *level, const char *name, int *fd_io,
	    size_t *held, uint64_t *ret)
{
	char text[NUMBER_MAX];

	if (*fd_io >= 0) {
		if (read_text(*fd_io, text, sizeof(text)))
			return take_number(text, ret);
		// The group was removed; another may have its name now.
		(void)close(*fd_io);
		*fd_io = -1;
		--*held;
	}
	GRAFT_CLOSE int fd = open_file(level, name);
	if (fd < 0 || !read_text(fd, text, sizeof(text)))
		return false;
	if (held && *held < HELD_MAX) {
		++*held;
		*fd_io = fd;
		fd = -1;
	}
	return take_number(text, ret);
}

/** Find the value of a line "name value" of memory.stat; 0 if there is none. */
static uint64_t
stat_value(const char *text, const char *name)
{
	uint64_t value;
	size_t len = strlen(name);

	for (const char *at = text; *at;) {
		if (strncmp(at, name, len) == 0 && at[len] == ' ' &&
		    take_number(at + len + 1, &value))
			return value;
		at = strchrnul(at, '\n');
		at += *at == '\n';
	}
	return 0;
}

static uint64_t
add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t
less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/** Bytes of file pages that need not be written back before they are dropped. */
static uint64_t
reclaimable(const struct level *level)
{
	char text[TEXT_MAX];
	const struct version *version = level->version;

	GRAFT_CLOSE int fd = open_file(level, "memory.stat");
	if (fd < 0 || !read_text(fd, text, sizeof(text)))
		return 0;
	uint64_t clean = add(stat_value(text, version->clean[0]),
			     stat_value(text, version->clean[1]));
	uint64_t dirty = add(stat_value(text, version->dirty[0]),
			     stat_value(text, version->dirty[1]));
	return less(clean, dirty);
}

/** Look at one group. @param[in,out] held As for read_number(). */
static bool
one_lacks(struct level *level, size_t *held, uint64_t need,
	  struct graft_memory_group *ret)
{
	for (size_t i = 0; i < 2 && level->version->files[i][0]; i++) {
		const char *const *files = level->version->files[i];
		uint64_t limit;
		uint64_t usage;
		bool small = need < NO_LIMIT / 2;
		if (level->unlimited[i] && small)
			continue;
		// No number is "max", and a root has no such file.
		bool is_number = read_number(level, files[0], &level->fds[i][0],
					     held, &limit);
		level->unlimited[i] = !is_number || limit >= NO_LIMIT;
		if (!is_number || (level->unlimited[i] && small) ||
		    !read_number(level, files[1], &level->fds[i][1], held,
				 &usage))
			continue;
		uint64_t left = less(limit, usage);
		if (left >= need)
			continue;
		uint64_t more = reclaimable(level);
		if (more >= need - left)
			continue;
		(void)snprintf(ret->path, sizeof(ret->path), "%s",
			       level->folder);
		ret->file = files[0];
		ret->limit = limit;
		ret->left = left;
		ret->reclaimable = more;
		return true;
	}
	return false;
}

/** Add a group and those above it. @return The last, or NULL: out of memory. */
static struct level **
add_levels(struct graft_group_place *place, struct level **last)
{
	for (;;) {
		size_t len = strlen(place->folder);
		struct level *level = malloc(sizeof(*level) + len + 1);
		if (!level)
			return NULL;
		*level = (struct level){
			.version = &VERSIONS[place->version],
			.fds = { { -1, -1 }, { -1, -1 } },
		};
		memcpy(level->folder, place->folder, len + 1);
		*last = level;
		last = &level->above;
		char *slash = strrchr(place->folder, '/');
		if (len <= place->top || !slash)
			return last;
		*slash = '\0';
	}
}

/** Find the groups that the cgroup file of a process names. NULL: out of memory. */
static struct known *
find(const char *root, char *names)
{
	size_t len = strlen(names);
	GRAFT_CLEANUP(known_freep)
	struct known *known = malloc(sizeof(*known) + len + 1);
	struct graft_group_place place;

	if (!known)
		return NULL;
	*known = (struct known){ .levels = NULL };
	memcpy(known->names, names, len + 1);
	struct level **last = &known->levels;
	for (char *line; last && (line = strsep(&names, "\n"));) {
		if (graft_group_place_find(root, line, &place))
			last = add_levels(&place, last);
	}
	return last ? GRAFT_TAKE(known) : NULL;
}

/** Read what names the groups of a process. NULL: it cannot be read. */
static char *
read_names(const char *root, pid_t tid)
{
	char path[PATH_MAX];
	char text[NAMES_MOSTLY];
	uint8_t *bytes;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/proc/%d/cgroup", root, (int)tid);
	GRAFT_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	// The kernel shows it whole, if there is room for it.
	ssize_t got = pread(fd, text, sizeof(text), 0);
	if (got >= 0 && (size_t)got < sizeof(text))
		return strndup(text, (size_t)got);
	struct graft_error *err = graft_file_read_fd(fd, NAMES_MAX, &bytes,
						     &len);
	graft_error_free(err);
	return err ? NULL : (char *)bytes;
}

bool
graft_memory_group_lacks(const char *root, struct graft_memory_groups *groups,
			 pid_t tid, uint64_t need,
			 struct graft_memory_group *ret)
{
	bool lacks = false;
	GRAFT_CLEANUP(known_freep) struct known *made = NULL;
	// Each time: a process may be moved to another group.
	GRAFT_FREE char *names = read_names(root, tid);
	struct known *known = groups && names ? groups->list : NULL;

	while (known && strcmp(known->names, names) != 0)
		known = known->next;
	if (!known && names)
		known = made = find(root, names);
	for (struct level *at = known ? known->levels : NULL; at && !lacks;
	     at = at->above)
		lacks = one_lacks(at, groups ? &groups->held : NULL, need, ret);
	if (groups && made) {
		made->next = groups->list;
		groups->list = GRAFT_TAKE(made);
	}
	return lacks;
}
