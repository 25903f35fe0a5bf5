// SPDX-License-Identifier: Apache-2.0

/** @file The state of a repository for people and programs. */

#ifndef GRAFT_REPO_STATUS_H
#define GRAFT_REPO_STATUS_H

#include "base/error.h"
#include "base/text.h"
#include "repo/repo.h"

/**
 * Append what is live and when it expires, what is staged, what that changes, and who must
 * still sign it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_print_text(struct graft_repo *repo, struct graft_text *out);

/** Append what is staged alone. @param[in] role Of this role; NULL: of all. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_print_staged(struct graft_repo *repo, const char *role,
			struct graft_text *out);

/** Append of what is staged who signed it and who must still. As graft_repo_print_staged(). */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_print_signed(struct graft_repo *repo, const char *role,
			struct graft_text *out);

/** Append the state as JSON. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_print_json(struct graft_repo *repo, struct graft_text *out);

/** Append the targets that there are or will be: path, length and SHA-256, a line each. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_print_targets(struct graft_repo *repo, struct graft_text *out);

#endif /* GRAFT_REPO_STATUS_H */
