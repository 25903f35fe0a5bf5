// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Whether the memory control group of a process has room for more.
 *
 * What is written into a process from outside is charged to its group. Where the
 * group is at its limit and gives nothing back, the kernel does not fail the
 * write: it kills a process of the group (mem_cgroup_out_of_memory()).
 *
 * All is read under a root folder, so that tests need no such group. What cannot
 * be found or read has no limit: groups above our own namespace are not seen.
 */

#ifndef GRAFT_PROC_MEMORY_GROUP_H
#define GRAFT_PROC_MEMORY_GROUP_H

#include "base/cleanup.h"
#include "base/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** A group at one moment. */
struct graft_memory_group {
	/** Its folder, where we see it. */
	char path[PATH_MAX];
	/** The file in it that holds the limit. A literal. */
	const char *file;
	uint64_t limit;
	/** Bytes up to the limit; 0 if more than it is used. */
	uint64_t left;
	/** Bytes of clean file pages, which the kernel takes back first. */
	uint64_t reclaimable;
};

/** Groups that were found for earlier processes: their folders, with the files of
 * limits and usage open. What stands in them is read anew for each process; only that
 * there is no limit is believed until it is forgotten. */
struct graft_memory_groups;

/**
 * Begin with none.
 *
 * @param[out] ret Free with graft_memory_groups_free(). For one root only.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_memory_groups_new(struct graft_memory_groups **ret);

/**
 * Forget all: where groups are mounted, and which of them has which name, is looked up
 * again. Called before each batch, as a group may be renamed. NULL is a no-op.
 */
void
graft_memory_groups_forget(struct graft_memory_groups *groups);

/** Free. NULL is a no-op. */
void
graft_memory_groups_free(struct graft_memory_groups *groups);
GRAFT_DEFINE_CLEANUP(struct graft_memory_groups, graft_memory_groups_free)

/**
 * Look for a group of a process, or one above it, that has no room.
 *
 * @param[in] root What stands before /proc and the mounts of groups; "" is the
 * host's.
 * @param[in,out] groups What is known from others, and added to; NULL: nothing.
 * @param[in] tid A live thread of the process.
 * @param[in] need Bytes that are to be charged.
 * @param[out] ret The group, if this returns true.
 * @return Charging it could end in a kill.
 */
bool
graft_memory_group_lacks(const char *root, struct graft_memory_groups *groups,
			 pid_t tid, uint64_t need,
			 struct graft_memory_group *ret);

#endif /* GRAFT_PROC_MEMORY_GROUP_H */
