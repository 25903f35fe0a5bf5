// SPDX-License-Identifier: Apache-2.0

/** @file What must hold before a package is touched. Nothing is changed by asking. */

#ifndef GRAFT_PERSIST_BEFORE_H
#define GRAFT_PERSIST_BEFORE_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct graft_disk;
struct graft_installed;
struct graft_record;
struct graft_set;

/**
 * See that we may install packages: root, or the capabilities for it; a file system that
 * can be written to.
 *
 * @param[in] root "" or the path of another root.
 * @param[in] memory Processes are to be switched, too: all or none are looked at.
 * @return NULL; #GRAFT_ERROR_NOT_PERMITTED that names what is missing; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_before_permission(const char *root, bool memory);

/**
 * See that the package is the old version, that dpkg is done with it, and that nobody holds
 * it.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED that says what to do.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_before_state(const struct graft_disk *disk,
		   const struct graft_installed *installed);

/**
 * See that there is room for what is written beside, and for dpkg, of all packages that are
 * old.
 *
 * @param[in] root "" or the path of another root.
 * @return NULL; #GRAFT_ERROR_OS (ENOSPC) that says how much is missing where.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_before_space(const struct graft_set *set, const char *root);

/**
 * See what the maintainer scripts of both versions of all packages that are old would do to
 * services directly (persist/scripts.h).
 *
 * @param[in,out] out Gets a line for each.
 * @param[out] count_ret How many.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_before_scripts(const struct graft_set *set, struct graft_text *out,
		     size_t *count_ret);

/**
 * See that the packages that are installed get on with the new versions: those that ask for
 * an old one by its number, what the new ones ask for beyond the old ones and what they
 * break, and the same package of another architecture.
 *
 * @param[in] root "" or the path of another root.
 * @return NULL; #GRAFT_ERROR_REFUSED that names both.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_before_relations(const struct graft_set *set, const char *root);

/**
 * See that nobody else asks for the new versions by their numbers, before the old ones
 * come back.
 *
 * @param[in] record Of packages.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_before_back(const struct graft_record *record);

#endif /* GRAFT_PERSIST_BEFORE_H */
