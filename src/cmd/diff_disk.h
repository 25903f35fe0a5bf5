// SPDX-License-Identifier: Apache-2.0

/** @file What `graft diff` adds to a hotpatch for the disk. */

#ifndef GRAFT_CMD_DIFF_DISK_H
#define GRAFT_CMD_DIFF_DISK_H

#include "base/error.h"

struct graft_patch;
struct graft_tree;

/**
 * Add the part for the disk.
 *
 * Of two packages of which there can be none, that is said on standard error.
 *
 * @param[in,out] patch Gets graft_patch::disk.
 * @return NULL; #GRAFT_ERROR_OS and the like.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_diff_add_disk(const struct graft_tree *old_tree,
		    const struct graft_tree *new_tree,
		    struct graft_patch *patch);

#endif /* GRAFT_CMD_DIFF_DISK_H */
