// SPDX-License-Identifier: Apache-2.0

/** @file Patterns of paths, with which a role says what it delegates. */

#ifndef GRAFT_TRUST_PATTERN_H
#define GRAFT_TRUST_PATTERN_H

#include <stdbool.h>

/**
 * Ask whether a path matches a pattern as a whole.
 *
 * `*` stands for any bytes but `/`, none too; `?` for one character but `/`; everything
 * else for itself, upper and lower case told apart. Takes at most the product of the
 * two lengths.
 *
 * @param[in] pattern UTF-8.
 * @param[in] path UTF-8.
 */
bool
graft_pattern_match(const char *pattern, const char *path);

#endif /* GRAFT_TRUST_PATTERN_H */
