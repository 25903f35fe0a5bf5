// SPDX-License-Identifier: Apache-2.0

/** @file Text that differs only in the version or date that it names. */

#ifndef GRAFT_BASE_VERSION_H
#define GRAFT_BASE_VERSION_H

#include <stdbool.h>

/**
 * Say whether two texts are the same but for versions of a distribution's
 * package ("1.20-1+deb12u1"), dates ("2025/10/03") and times of a build in
 * nanoseconds ("1778644800000000000", whole seconds).
 *
 * What could as well be an address, a path or a number is not taken for one.
 */
bool
graft_version_only_differs(const char *a, const char *b);

/**
 * Say whether a text is nothing but the version that the source of a package has
 * upstream ("8.2.32" of "8.2.32-1~deb12u1").
 *
 * @param[in] version Version of the package without epoch, or NULL. One with fewer
 * than two dots before its revision could as well be a number.
 */
bool
graft_version_is_upstream(const char *text, const char *version);

#endif /* GRAFT_BASE_VERSION_H */
