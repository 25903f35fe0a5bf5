// SPDX-License-Identifier: Apache-2.0

#include "proc/memory_group.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/** Longest file of a group that is looked at, by far. */
	TEXT_MAX = 8192,
	/** Fields of mountinfo that stand before the optional ones; proc(5). */
	FIELD_ROOT = 3,
	FIELD_MOUNT = 4,
	FIELD_OPTIONAL = 6,
};

/** How one of the two versions of control groups names things. */
struct version {
	/** Type of the file system. */
	const char *type;
	/** Limit and usage; the second pair counts what is swapped too. */
	const char *files[2][2];
	/** Lines of memory.stat: what is added, what is taken away. */
	const char *clean[2];
	const char *dirty[2];
};

// Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst of the kernel.
static const struct version VERSIONS[] = {
	{
		.type = "cgroup",
		.files = { { "memory.limit_in_bytes", "memory.usage_in_bytes" },
			   { "memory.memsw.limit_in_bytes",
			     "memory.memsw.usage_in_bytes" } },
		.clean = { "total_active_file", "total_inactive_file" },
		.dirty = { "total_dirty", "total_writeback" },
	},
	{
		.type = "cgroup2",
		.files = { { "memory.max", "memory.current" } },
		.clean = { "active_file", "inactive_file" },
		.dirty = { "file_dirty", "file_writeback" },
	},
};

static void
close_file(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

/** A line of a file. */
struct line {
	/** Owned. */
	char *text;
	size_t size;
};

static void
line_deinit(struct line *line)
{
	free(line->text);
}

/** Read the next line, without its newline. */
static bool
next_line(FILE *file, struct line *line)
{
	ssize_t len = getline(&line->text, &line->size, file);

	if (len < 0)
		return false;
	if (len > 0 && line->text[len - 1] == '\n')
		line->text[len - 1] = '\0';
	return true;
}

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

/** Read a file of a group. */
static bool
read_text(const char *folder, const char *name, char text[TEXT_MAX])
{
	char path[PATH_MAX];
	size_t len = 0;
	int n = snprintf(path, sizeof(path), "%s/%s", folder, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return false;
	GRAFT_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (len + 1 < TEXT_MAX) {
		ssize_t got = read(fd, text + len, TEXT_MAX - 1 - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	text[len] = '\0';
	return true;
}

static bool
read_number(const char *folder, const char *name, uint64_t *ret)
{
	char text[TEXT_MAX];

	return read_text(folder, name, text) && take_number(text, ret);
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
reclaimable(const char *folder, const struct version *version)
{
	char text[TEXT_MAX];

	if (!read_text(folder, "memory.stat", text))
		return 0;
	uint64_t clean = add(stat_value(text, version->clean[0]),
			     stat_value(text, version->clean[1]));
	uint64_t dirty = add(stat_value(text, version->dirty[0]),
			     stat_value(text, version->dirty[1]));
	return less(clean, dirty);
}

/** Look at one group. */
static bool
one_lacks(const char *folder, const struct version *version, uint64_t need,
	  struct graft_memory_group *ret)
{
	for (size_t i = 0; i < 2 && version->files[i][0]; i++) {
		uint64_t limit;
		uint64_t usage;
		// No number is "max", and a root has no such file.
		if (!read_number(folder, version->files[i][0], &limit) ||
		    !read_number(folder, version->files[i][1], &usage))
			continue;
		uint64_t left = less(limit, usage);
		if (left >= need)
			continue;
		uint64_t more = reclaimable(folder, version);
		if (more >= need - left)
			continue;
		(void)snprintf(ret->path, sizeof(ret->path), "%s", folder);
		ret->file = version->files[i][0];
		ret->limit = limit;
		ret->left = left;
		ret->reclaimable = more;
		return true;
	}
	return false;
}

/** Does a list "a,b,c" hold a name? */
static bool
list_holds(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; *at;) {
		const char *end = strchrnul(at, ',');
		if ((size_t)(end - at) == len && memcmp(at, name, len) == 0)
			return true;
		at = *end ? end + 1 : end;
	}
	return false;
}

/**
 * Take a line "4:memory:/path" of a process's cgroup file.
 *
 * @param[out] ret How the hierarchy names things.
 * @return The path; NULL if it is no hierarchy that may hold memory.
 */
static const char *
take_group(char *line, const struct version **ret)
{
	char *list = strchr(line, ':');
	char *path = list ? strchr(list + 1, ':') : NULL;

	if (!path || path[1] != '/')
		return NULL;
	*list++ = '\0';
	*path++ = '\0';
	if (strcmp(line, "0") == 0 && *list == '\0')
		*ret = &VERSIONS[1];
	else if (list_holds(list, "memory"))
		*ret = &VERSIONS[0];
	else
		return NULL;
	return path;
}

/** Undo "\040" for a space and the like, in place. */
static void
unescape(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' &&
		    at[2] >= '0' && at[2] <= '7' && at[3] >= '0' &&
		    at[3] <= '7') {
			*to++ = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 |
				       (at[3] - '0'));
			at += 3;
		} else {
			*to++ = *at;
		}
	}
	*to = '\0';
}

/** A mount of control groups. Points into the line. */
struct mount {
	/** The group that is seen at its place. */
	char *root;
	char *place;
};

/** Take a line of mountinfo. @return false if it is no mount of that version. */
static bool
take_mount(char *line, const struct version *version, struct mount *ret)
{
	char *field;
	size_t count = 0;
	struct mount mount = { 0 };

	while ((field = strsep(&line, " "))) {
		if (count == FIELD_ROOT)
			mount.root = field;
		if (count == FIELD_MOUNT)
			mount.place = field;
		if (count >= FIELD_OPTIONAL && strcmp(field, "-") == 0)
			break;
		count++;
	}
	const char *type = field ? strsep(&line, " ") : NULL;
	const char *source = type ? strsep(&line, " ") : NULL;
	const char *options = source ? strsep(&line, " ") : NULL;
	if (!options || strcmp(type, version->type) != 0 ||
	    (version == &VERSIONS[0] && !list_holds(options, "memory")))
		return false;
	unescape(mount.root);
	unescape(mount.place);
	*ret = mount;
	return mount.root[0] == '/' && mount.place[0] == '/';
}

/** Does a path go upwards, out of the namespace of groups that we see? */
static bool
goes_up(const char *path)
{
	for (const char *at = path; (at = strstr(at, "/.."));) {
		at += 3;
		if (*at == '\0' || *at == '/')
			return true;
	}
	return false;
}

/** What is left of a path below a root: "" or "/..."; NULL if it is not below. */
static const char *
below(const char *path, const char *root)
{
	size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (strncmp(path, root, len) != 0 ||
	    (path[len] != '\0' && path[len] != '/') || goes_up(path + len))
		return NULL;
	return strcmp(path + len, "/") == 0 ? "" : path + len;
}

/** Where a group and those above it are found. */
struct place {
	char folder[PATH_MAX];
	/** Length of the topmost folder that is a group. */
	size_t top;
};

/** Find the folder of a group. */
static bool
find_place(const char *root, const char *group, const struct version *version,
	   struct place *ret)
{
	GRAFT_CLEANUP(line_deinit) struct line line = { 0 };
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/proc/self/mountinfo", root);
	GRAFT_CLEANUP(close_file) FILE *file = fopen(path, "re");
	while (file && next_line(file, &line)) {
		struct mount mount;
		if (!take_mount(line.text, version, &mount))
			continue;
		const char *rest = below(group, mount.root);
		if (!rest)
			continue;
		int n = snprintf(ret->folder, sizeof(ret->folder), "%s%s%s",
				 root, mount.place, rest);
		if (n < 0 || (size_t)n >= sizeof(ret->folder))
			continue;
		ret->top = strlen(root) + strlen(mount.place);
		// One that another mount covers is not seen.
		if (access(ret->folder, X_OK) == 0)
			return true;
	}
	return false;
}

bool
graft_memory_group_lacks(const char *root, pid_t tid, uint64_t need,
			 struct graft_memory_group *ret)
{
	GRAFT_CLEANUP(line_deinit) struct line line = { 0 };
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/proc/%d/cgroup", root, (int)tid);
	GRAFT_CLEANUP(close_file) FILE *file = fopen(path, "re");
	while (file && next_line(file, &line)) {
		struct place place;
		const struct version *version;
		const char *group = take_group(line.text, &version);
		if (!group || !find_place(root, group, version, &place))
			continue;
		for (;;) {
			if (one_lacks(place.folder, version, need, ret))
				return true;
			char *slash = strrchr(place.folder, '/');
			if (strlen(place.folder) <= place.top || !slash)
				break;
			*slash = '\0';
		}
	}
	return false;
}
