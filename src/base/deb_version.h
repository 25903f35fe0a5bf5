// SPDX-License-Identifier: Apache-2.0

/** @file The order of versions of Debian packages (deb-version(7)). */

#ifndef GRAFT_BASE_DEB_VERSION_H
#define GRAFT_BASE_DEB_VERSION_H

#include <stdbool.h>

/**
 * Compare two versions: "[epoch:]upstream[-revision]".
 *
 * @return Less than, equal to or greater than 0, as @p a is.
 */
int
graft_deb_version_compare(const char *a, const char *b);

/**
 * Say whether a version satisfies a relation.
 *
 * @param[in] relation "=", "<<", "<=", ">>" or ">="; another one is not satisfied.
 */
bool
graft_deb_version_satisfies(const char *version, const char *relation,
			    const char *wanted);

#endif /* GRAFT_BASE_DEB_VERSION_H */
