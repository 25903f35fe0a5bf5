// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The packages that one hotpatch is made of: pairs of `.deb` files of one source, which are
 * upgraded together.
 */

#ifndef GRAFT_CMD_PACKAGES_H
#define GRAFT_CMD_PACKAGES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct graft_deb;

/** A package in two versions. Of each file only the control part is read. */
struct graft_package_pair {
	/** Owned. */
	struct graft_deb *old;
	struct graft_deb *new;
};

/** Pairs of packages. All zeroes: there are none. */
struct graft_package_pairs {
	struct graft_package_pair *items;
	size_t count;
	size_t cap;
};

/** Free what they own. */
void
graft_package_pairs_deinit(struct graft_package_pairs *pairs);

/** Say whether a path is a folder that holds `.deb` files, itself and not further down. */
GRAFT_MUST_CHECK struct graft_error *
graft_packages_in(const char *path, bool *ret);

/** Told of each `.deb` file. */
typedef struct graft_error *
graft_packages_fn(void *arg, const char *path);

/**
 * Go through the `.deb` files of a folder, in no order.
 *
 * @param[in] each Ends it with an error.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_packages_each(const char *path, graft_packages_fn *each, void *arg);

/**
 * Add two files.
 *
 * @return NULL; what graft_deb_open() returns; #GRAFT_ERROR_UNSUPPORTED if they are not two
 * versions of one package.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_package_pairs_add(struct graft_package_pairs *pairs, const char *old_path,
			const char *new_path);

/**
 * Add what two folders hold, paired by name and architecture.
 *
 * What has no pair, is in the same version on both sides, or holds nothing but debug
 * symbols, is left out, and named on standard error.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if a folder has a package twice; #GRAFT_ERROR_NOT_FOUND
 * if there is no pair.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_package_pairs_add_folders(struct graft_package_pairs *pairs,
				const char *old_dir, const char *new_dir);

/**
 * Put them in the order that a hotpatch has, and see that they go together.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if one is there twice; #GRAFT_ERROR_UNSUPPORTED if
 * they were not built from two versions of one source.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_package_pairs_sort(struct graft_package_pairs *pairs);

#endif /* GRAFT_CMD_PACKAGES_H */
