// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The packages of releases against those of this host: which of them are to be brought to which
 * version.
 */

#ifndef GRAFT_UPDATE_PACKAGES_H
#define GRAFT_UPDATE_PACKAGES_H

#include "base/error.h"
#include "release/release.h"

#include <stdbool.h>
#include <stddef.h>

/** A package of a release that is installed here. */
struct graft_wanted {
	/** Borrowed from the release; checked to be names and versions of dpkg's. */
	const char *name;
	const char *version;
	/** What is here; the oldest, of several architectures. Owned. */
	char *installed;
	/** That is older. */
	bool older;
	/** dpkg has ended all that it began with it. */
	bool whole;
	/** Path of the package itself, which came with a release; NULL: the archive has it. Owned. */
	char *file;
};

/** Packages. All zeroes is none. */
struct graft_wanted_list {
	struct graft_wanted *list;
	size_t count;
	size_t cap;
	/** How many are older than they shall be. */
	size_t older;
};

/** Free what a list owns. Also its guard. */
void
graft_wanted_deinit(struct graft_wanted_list *wanted);

/**
 * Find the packages of releases that are installed here, each in the newest version that one of
 * the releases names.
 *
 * @param[in] releases Outlive the list.
 * @param[out] ret graft_wanted_deinit(), after an error too.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if a release names what is no package;
 * #GRAFT_ERROR_UNSUPPORTED without dpkg; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_wanted_find(const struct graft_release *const *releases, size_t count,
		  struct graft_wanted_list *ret);

/** Find a package by its name; NULL: it is not wanted. */
const struct graft_wanted *
graft_wanted_get(const struct graft_wanted_list *wanted, const char *name,
		 size_t len);

/** Say whether a text is the name of a package (deb-control(5)): no option, nothing odd. */
bool
graft_wanted_is_name(const char *text);

/** Say whether a text is a version (deb-version(7)) that apt-get takes behind a '='. */
bool
graft_wanted_is_version(const char *text);

/**
 * See that the files of releases on disk are the builds that they name: of each path the newest
 * release's. What is not there is of a package that is not; what is of a package that is newer than
 * it need be is not looked at.
 *
 * @param[in] wanted Of these releases, as they are now.
 * @return NULL; #GRAFT_ERROR_REFUSED names the first that is another build.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_wanted_check_builds(const struct graft_wanted_list *wanted,
			  const struct graft_release *const *releases,
			  size_t count);

#endif /* GRAFT_UPDATE_PACKAGES_H */
