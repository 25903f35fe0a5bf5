// SPDX-License-Identifier: Apache-2.0

/** @file Whether what is staged may be published. Inside repo/ only. */

#ifndef GRAFT_REPO_CHECK_H
#define GRAFT_REPO_CHECK_H

#include "repo/repo_model.h"

/**
 * Check that a repository of what is staged, and of what is live where nothing is, is whole:
 * each role is there, signed by as many as it must be, and not out of date.
 *
 * @return NULL; #GRAFT_ERROR_BAD_SIGNATURE; #GRAFT_ERROR_EXPIRED; #GRAFT_ERROR_REFUSED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_check_roles(struct graft_repo *repo);

/** Called for each target that a staged role lists. */
typedef struct graft_error *
graft_repo_target_fn(struct graft_repo *repo, const char *name,
		     const struct graft_node *target, const char *hash);

/**
 * Go over the targets of staged roles.
 *
 * @param[in] fn Gets the name under which the file of a target lies, its object, and its
 * SHA-256.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_each_target(struct graft_repo *repo, graft_repo_target_fn *fn);

/** Check that the file of a target is what is said of it, public or staged. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_check_target(struct graft_repo *repo, const char *name,
			const struct graft_node *target, const char *hash);

#endif /* GRAFT_REPO_CHECK_H */
