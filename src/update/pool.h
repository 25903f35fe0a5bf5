// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Packages that came with releases, for apt-get(8) to take instead of those of an archive.
 *
 *     STATE/restart/pool/NAME.deb
 *
 * A file of this name is what a release names: it was measured before it got it, and is measured
 * again before apt-get sees it. So a run that goes on after a kill needs no network.
 */

#ifndef GRAFT_UPDATE_POOL_H
#define GRAFT_UPDATE_POOL_H

#include "base/error.h"
#include "update/packages.h"

#include <stddef.h>

/** A file of a release that may be a package which is wanted. */
struct graft_pool_form {
	/** Both borrowed. */
	const struct graft_release *release;
	const struct graft_release_form *form;
};

/** Files of releases. All zeroes is none. */
struct graft_pool_list {
	struct graft_pool_form *list;
	size_t count;
	size_t cap;
};

/** Free what a list owns. Also its guard. */
void
graft_pool_list_deinit(struct graft_pool_list *list);

/**
 * List the files of releases whose names say that they are packages which are older here than
 * they shall be, and not in the pool: "NAME_...deb" of a release that names the package in that version.
 *
 * @param[in,out] ret Empty; graft_pool_list_deinit(), after an error too.
 * @return NULL; #GRAFT_ERROR_REFUSED names a package that no file is of.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_pool_list(const struct graft_release *const *releases, size_t count,
		const struct graft_wanted_list *wanted,
		struct graft_pool_list *ret);

/**
 * Put a file into the pool, if it is a package that is wanted, in its version, for this machine.
 *
 * @param[in] dir Of the pool; made if it is missing.
 * @param[in] file Path of a file that was measured; it is moved, or removed if it is none.
 * @return NULL, in both cases; #GRAFT_ERROR_OS. Fault point "update-pool".
 */
GRAFT_MUST_CHECK struct graft_error *
graft_pool_put(const char *dir, const struct graft_wanted_list *wanted,
	       const char *file);

/**
 * Find the packages that are wanted in the pool: graft_wanted::file of each that is there, and
 * is a file that one of the releases names.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_pool_find(const char *dir, const struct graft_release *const *releases,
		size_t count, struct graft_wanted_list *wanted);

/** See that all that are wanted were found. @return NULL; #GRAFT_ERROR_REFUSED names one. */
GRAFT_MUST_CHECK struct graft_error *
graft_pool_check(const struct graft_wanted_list *wanted);

#endif /* GRAFT_UPDATE_POOL_H */
