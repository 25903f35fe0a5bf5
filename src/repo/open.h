// SPDX-License-Identifier: Apache-2.0

/** @file The lock of a repository. Inside repo/ only. */

#ifndef GRAFT_REPO_OPEN_H
#define GRAFT_REPO_OPEN_H

#include "repo/repo_model.h"

/**
 * Lock a directory, and load nothing of it yet.
 *
 * @param[in] make Make it if it is missing.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_begin(const struct graft_repo_config *config, bool make,
		 struct graft_repo **ret);

#endif /* GRAFT_REPO_OPEN_H */
