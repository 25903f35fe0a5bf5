// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where the control groups of a process, and those above them, are found.
 */

#ifndef GRAFT_PROC_GROUP_PLACE_H
#define GRAFT_PROC_GROUP_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/** The two versions of control groups. */
enum graft_group_version {
	GRAFT_GROUP_V1,
	GRAFT_GROUP_V2,
};

/** Where a group and those above it are found. */
struct graft_group_place {
	char folder[PATH_MAX];
	/** Length of the topmost folder that is a group. */
	size_t top;
	enum graft_group_version version;
};

/**
 * Find the folder of a group that may limit memory.
 *
 * @param[in] root As for graft_memory_group_lacks().
 * @param[in,out] line A line "4:memory:/path" of a process's cgroup file, without its
 * newline; taken apart.
 * @param[out] ret Where it is, if this returns true.
 * @return false: it limits no memory, or we do not see it.
 */
bool
graft_group_place_find(const char *root, char *line,
		       struct graft_group_place *ret);

#endif /* GRAFT_PROC_GROUP_PLACE_H */
