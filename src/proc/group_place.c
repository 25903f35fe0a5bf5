// SPDX-License-Identifier: Apache-2.0

#include "proc/group_place.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/** Fields of mountinfo that stand before the optional ones; proc(5). */
	FIELD_ROOT = 3,
	FIELD_MOUNT = 4,
	FIELD_OPTIONAL = 6,
};

/** Types of the file systems of both versions. */
static const char *const TYPES[] = {
	[GRAFT_GROUP_V1] = "cgroup",
	[GRAFT_GROUP_V2] = "cgroup2",
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
take_group(char *line, enum graft_group_version *ret)
{
	char *list = strchr(line, ':');
	char *path = list ? strchr(list + 1, ':') : NULL;

	if (!path || path[1] != '/')
		return NULL;
	*list++ = '\0';
	*path++ = '\0';
	if (strcmp(line, "0") == 0 && *list == '\0')
		*ret = GRAFT_GROUP_V2;
	else if (list_holds(list, "memory"))
		*ret = GRAFT_GROUP_V1;
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
take_mount(char *line, enum graft_group_version version, struct mount *ret)
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
	if (!options || strcmp(type, TYPES[version]) != 0 ||
	    (version == GRAFT_GROUP_V1 && !list_holds(options, "memory")))
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

/** Find the folder of a group. */
static bool
find_place(const char *root, const char *group,
	   enum graft_group_version version, struct graft_group_place *ret)
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
		ret->version = version;
		// One that another mount covers is not seen.
		if (access(ret->folder, X_OK) == 0)
			return true;
	}
	return false;
}

bool
graft_group_place_find(const char *root, char *line,
		       struct graft_group_place *ret)
{
	enum graft_group_version version;
	const char *group = take_group(line, &version);

	return group && find_place(root, group, version, ret);
}
