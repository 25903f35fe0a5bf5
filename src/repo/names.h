// SPDX-License-Identifier: Apache-2.0

/** @file Names of roles and paths of targets that are published: what any server can carry. */

#ifndef GRAFT_REPO_NAMES_H
#define GRAFT_REPO_NAMES_H

#include "base/error.h"

#include <stdbool.h>

/**
 * Check the name of a role: letters, digits, `-`, `_`, `.`, the first of them a letter or
 * digit.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_name_check(const char *name);

/**
 * Ask whether all programs put keys like this one in the same order: canonical JSON of
 * those that compare UTF-16 is another one beyond U+FFFF.
 *
 * @param[in] key UTF-8.
 */
bool
graft_repo_same_order(const char *key);

/**
 * Check the path of a target: UTF-8 without control characters, `\`, `?`, `#`, `%`, empty
 * components, or ones that begin with a dot.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_path_check(const char *path);

/**
 * Make the name under which a target lies: the hash stands before the last component.
 *
 * @param[in] hash Digits.
 * @param[out] ret String that the caller frees.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_hashed_name(const char *path, const char *hash, char **ret);

#endif /* GRAFT_REPO_NAMES_H */
