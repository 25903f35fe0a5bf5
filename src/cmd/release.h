// SPDX-License-Identifier: Apache-2.0

/** @file What the actions of `graft release` share. */

#ifndef GRAFT_CMD_RELEASE_H
#define GRAFT_CMD_RELEASE_H

#include "base/error.h"
#include "cmd/repo_options.h"
#include "release/catalogue.h"
#include "release/eligible.h"
#include "repo/repo.h"

/**
 * Load the releases of a repository, staged ones too.
 *
 * @param[out] ret Empty; graft_catalogue_deinit(), whatever the result.
 * @return NULL; an error that names the release.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_release_load(const struct graft_repo *repo, struct graft_catalogue *ret);

/**
 * Load the releases of a repository and check them: before they are published.
 *
 * @return NULL, without releases, too.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_release_check_repo(const struct graft_repo *repo, bool proven);

/**
 * Read what files say of a release: forms, packages and modules.
 *
 * @param[in] files Paths of `.graft` and `.deb` files.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_release_take_files(struct graft_release *release, char *const *files,
			 size_t count);

/** `graft release make`: stage a release. */
GRAFT_MUST_CHECK struct graft_error *
graft_release_action_make(struct graft_repo_options *options);

/** Read the policy that is asked for. @param[in] needed It must be there. */
GRAFT_MUST_CHECK struct graft_error *
graft_release_policy(const struct graft_repo_options *options, bool needed,
		     struct graft_policy *ret);

/**
 * Count the devices that a release takes off the hotpatch track, and see that somebody means it.
 *
 * The inventory is a file with facts of devices, or a directory with reports of hosts
 * (graft_compliance_hosts_open()), each of which counts by its last one.
 *
 * @param[in,out] release Gets the number.
 * @return NULL; #GRAFT_ERROR_REFUSED without an inventory, or if another number is meant.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_release_count_leaving(const struct graft_repo_options *options,
			    struct graft_release *release);

#endif /* GRAFT_CMD_RELEASE_H */
