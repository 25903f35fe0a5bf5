// SPDX-License-Identifier: Apache-2.0

/** @file Roles that targets delegates to. Inside repo/ only. */

#ifndef GRAFT_REPO_DELEGATING_H
#define GRAFT_REPO_DELEGATING_H

#include "repo/keys.h"
#include "repo/repo_model.h"

/** Stage a role that says nothing yet. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_stage_empty(struct graft_repo *repo, struct graft_repo_role *role,
		       uint32_t days);

/** Stage bins, and that targets delegates to them. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_make_bins(struct graft_repo *repo,
		     const struct graft_repo_spec *spec);

/**
 * Find the first role of those that may say something of a target: in the order in which
 * a client asks, without `targets` itself.
 *
 * @param[out] ret NULL: only `targets` may.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_route(const struct graft_repo *repo, const char *path,
		 struct graft_repo_role **ret);

/**
 * Ask whether a client that looks for a target comes to a role: it is delegated, and no
 * terminating one stands before it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_reaches(const struct graft_repo *repo, const char *path,
		   const char *role, bool *ret);

/**
 * Stage delegations with other keys for some roles.
 *
 * @param[in] name Role that the rotation is for; "bins": all of them. NULL: none.
 * @param[in] added JSON of roles that come behind the others, with `,` between; "": none.
 * @param[in,out] ring With the keys of those; gets the others.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_stage_delegations(struct graft_repo *repo, const char *name,
			     const struct graft_repo_rotation *rotation,
			     const char *added, struct graft_repo_ring *ring);

#endif /* GRAFT_REPO_DELEGATING_H */
