// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The parts of a hotpatch for the disk (patch/disk.h), one for each package that is
 * upgraded together with the others.
 */

#ifndef GRAFT_PATCH_DISKS_H
#define GRAFT_PATCH_DISKS_H

#include "base/error.h"
#include "patch/disk.h"
#include "patch/patch.h"

#include <stdbool.h>
#include <stddef.h>

/**
 * Compare two parts by package, then by architecture: the order in which a hotpatch has
 * them. Less than 0, 0 or more, as strcmp(3) has it.
 */
int
graft_disks_compare(const struct graft_disk *a, const struct graft_disk *b);

/**
 * Check that parts go together: each of a package, none twice, in their order, not too
 * large.
 *
 * @param[in] disks Each is checked by itself, and @p count of them.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_disks_check(struct graft_disk *const *disks, size_t count);

/**
 * Give a hotpatch a part for the disk, in its place among those that it has.
 *
 * @param[in] disk Taken, on an error too.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if there is one of that package;
 * #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_disks_take(struct graft_patch *patch, struct graft_disk *disk);

/**
 * Find the part of a package.
 *
 * @return Borrowed; NULL: the hotpatch has none.
 */
struct graft_disk *
graft_disks_find(const struct graft_patch *patch, const char *package,
		 const char *architecture);

/** A part of a hotpatch is for files of no package, and it has no other one. */
bool
graft_disks_of_files(const struct graft_patch *patch);

enum {
	/** Longest name of a member, with its NUL. */
	GRAFT_DISKS_MEMBER_LEN = 40,
};

/**
 * Make the names of a part's members: "disk/3/index.json.zst" where there are several.
 *
 * @param[in] i Its index, of @p count.
 */
void
graft_disks_member(size_t i, size_t count, char index[GRAFT_DISKS_MEMBER_LEN],
		   char data[GRAFT_DISKS_MEMBER_LEN]);

#endif /* GRAFT_PATCH_DISKS_H */
