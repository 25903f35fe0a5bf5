// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What `graft diff` compares: two trees, or a pair of trees for each of several packages.
 */

#ifndef GRAFT_CMD_DIFF_SIDES_H
#define GRAFT_CMD_DIFF_SIDES_H

#include "base/error.h"
#include "diff/input/pairs.h"

#include <stdbool.h>
#include <stddef.h>

/** Two paths of the command line. */
struct graft_diff_named {
	const char *old_path;
	const char *new_path;
};

/** What is compared. All zeroes: nothing. */
struct graft_diff_sides {
	/** As many of each; owned. */
	struct graft_tree **old_trees;
	struct graft_tree **new_trees;
	struct graft_pairs **pairs;
	size_t count;
	/** What several packages were built from; NULL of anything else. Owned. */
	char *package;
	char *old_version;
	char *new_version;
};

/** Free what they own. */
void
graft_diff_sides_deinit(struct graft_diff_sides *sides);

/**
 * Open what is compared.
 *
 * @param[in] named OLD and NEW: two ELF files, directories, packages, or folders of
 * packages. All behind the first are packages.
 * @param[in] count How many, at least one.
 * @param[out] ret Deinit with graft_diff_sides_deinit().
 * @return NULL; what graft_tree_open(), graft_pairs_make() and graft_package_pairs_sort()
 * return; #GRAFT_ERROR_NOT_FOUND if a directory holds no build.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_diff_sides_open(const struct graft_diff_named *named, size_t count,
		      struct graft_diff_sides *ret);

/** All of them are packages. */
bool
graft_diff_sides_are_packages(const struct graft_diff_sides *sides);

#endif /* GRAFT_CMD_DIFF_SIDES_H */
