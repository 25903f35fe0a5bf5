// SPDX-License-Identifier: Apache-2.0

/** @file What a staged role says that the live one does not: what people sign. */

#ifndef GRAFT_REPO_CHANGES_H
#define GRAFT_REPO_CHANGES_H

#include "base/error.h"
#include "repo/repo_model.h"

/**
 * Told of a change.
 *
 * @param[in] sign '+' is new, '-' goes, '~' is another.
 * @param[in] what A target, or a key of a role. Untrusted.
 */
typedef void
graft_repo_change_fn(void *arg, char sign, const char *what);

/** Go over all that would change. Nothing is staged: nothing. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_each_change(const struct graft_repo_role *role,
		       graft_repo_change_fn *fn, void *arg);

#endif /* GRAFT_REPO_CHANGES_H */
