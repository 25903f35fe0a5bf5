// SPDX-License-Identifier: Apache-2.0

/** @file What `graft diff` adds to a hotpatch for the disk. */

#ifndef GRAFT_CMD_DIFF_DISK_H
#define GRAFT_CMD_DIFF_DISK_H

#include "base/error.h"

struct graft_diff_sides;
struct graft_patch;

/**
 * Add the parts for the disk: of each package, or of all files.
 *
 * Where there can be none of a package, there is none of the others either, and that is
 * said on standard error.
 *
 * @param[in,out] patch Gets graft_patch::disks.
 * @return NULL; #GRAFT_ERROR_OS and the like.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_diff_add_disk(const struct graft_diff_sides *sides,
		    struct graft_patch *patch);

#endif /* GRAFT_CMD_DIFF_DISK_H */
