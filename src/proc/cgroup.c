// SPDX-License-Identifier: Apache-2.0

#include "proc/cgroup.h"

#include "base/cleanup.h"
#include "proc/status.h"

#include <stdlib.h>
#include <string.h>

enum {
	/** A path of PATH_MAX bytes for each of a dozen hierarchies. */
	TEXT_MAX = 1 << 16,
};

/** Find the path of the hierarchy that has a name, in a line; NULL: it is another. */
static const char *
path_of(const char *line, const char *end, const char *hierarchy)
{
	size_t len = strlen(hierarchy);
	const char *name = memchr(line, ':', (size_t)(end - line));

	if (!name || (size_t)(end - name) < len + 3 || name[len + 1] != ':' ||
	    memcmp(name + 1, hierarchy, len) != 0 || name[len + 2] != '/')
		return NULL;
	return name + len + 2;
}

struct graft_error *
graft_cgroup_parse(const char *text, char **ret)
{
	static const char *const hierarchies[] = { "", "name=systemd" };
	char *path = NULL;

	for (size_t i = 0; !path && i < 2; i++) {
		for (const char *line = text; !path && *line;) {
			const char *end = strchrnul(line, '\n');
			const char *at = path_of(line, end, hierarchies[i]);
			// Version 2 beside version 1 has all processes in "/".
			if (at && (i > 0 || end - at > 1))
				path = strndup(at, (size_t)(end - at));
			line = *end ? end + 1 : end;
		}
	}
	if (!path)
		path = strdup("/");
	*ret = path;
	return path ? NULL : graft_error_no_memory();
}

struct graft_error *
graft_cgroup_read(pid_t pid, char **ret)
{
	GRAFT_FREE char *text = malloc(TEXT_MAX);

	if (!text)
		return graft_error_no_memory();
	ssize_t len = graft_proc_slurp(text, TEXT_MAX, "/proc/%d/cgroup",
				       (int)pid);
	if (len < 0)
		return graft_error_new(GRAFT_ERROR_TARGET_GONE, "no process %d",
				       (int)pid);
	return graft_cgroup_parse(text, ret);
}
