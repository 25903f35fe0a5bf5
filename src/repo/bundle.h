// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A repository in one file, for networks that no line leads to.
 *
 * A tar: `metadata/` first, then `targets/`, under the names that servers have. The
 * signatures are those of the repository, and how long it is good is what its
 * timestamp says: for the time that a medium takes, it can be signed for longer than
 * the one that is served.
 */

#ifndef GRAFT_REPO_BUNDLE_H
#define GRAFT_REPO_BUNDLE_H

#include "base/error.h"
#include "repo/mirror.h"
#include "repo/repo.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Write a bundle of what is public in a directory: of a repository or a mirror.
 *
 * All of it is verified on the way. A repository gets a new timestamp first if there are
 * keys, and the bundle one that is newer still and good for @p days.
 *
 * @param[in] dir Of the repository or mirror.
 * @param[in] keys Of the timestamp; none: the timestamp is taken that is there.
 * @param[in] days Only with keys; from 1 on.
 * @param[in] file Where; written beside and renamed.
 * @param[out] ret What is in it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_bundle_export(const char *dir, const struct graft_repo_keys *keys,
		    uint32_t days, int64_t now, const char *file,
		    struct graft_mirror_counts *ret);

/**
 * Bring a mirror up to date from a bundle.
 *
 * @param[in] config With directory, trusted root and time.
 * @param[in] file Untrusted.
 * @param[out] ret What was done.
 * @return As graft_mirror_run(); #GRAFT_ERROR_BAD_INPUT for what is no bundle.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_bundle_import(const struct graft_mirror_config *config, const char *file,
		    struct graft_mirror_counts *ret);

#endif /* GRAFT_REPO_BUNDLE_H */
