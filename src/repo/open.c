// SPDX-License-Identifier: Apache-2.0

#include "repo/open.h"

#include "repo/tree.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct graft_error *
graft_repo_begin(const struct graft_repo_config *config, bool make,
		 struct graft_repo **ret)
{
	GRAFT_FREE char *staged = NULL;
	GRAFT_FREE char *staged_root = NULL;
	GRAFT_FREE char *next = NULL;
	GRAFT_CLEANUP(graft_repo_closep)
	struct graft_repo *repo = calloc(1, sizeof(*repo));
	if (!repo)
		return graft_error_no_memory();
	repo->now = config->now;
	repo->live_only = config->live_only;
	repo->dir = strdup(config->dir);
	if (!repo->dir)
		return graft_error_no_memory();

	struct graft_error *err = graft_repo_path(repo, &staged,
						  "staged/metadata");
	if (!err)
		err = graft_repo_path(repo, &staged_root, "staged");
	if (!err)
		err = graft_repo_path(repo, &next, "next");
	if (err)
		return err;
	err = graft_trust_store_open(staged, make, &repo->store);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND)
		return graft_error_prefix(err, "no repository is written here "
					       "(graft repo init makes one)");
	// What is not published yet may tell of faults that nobody else knows.
	if (!err && make && chmod(staged_root, 0700) < 0)
		err = graft_error_os(errno, "chmod %s", staged_root);
	// What a publication that was cut off had not made live, or had replaced.
	if (!err)
		err = graft_tree_remove(next);
	if (err)
		return err;
	*ret = GRAFT_TAKE(repo);
	return NULL;
}

struct graft_error *
graft_repo_open(const struct graft_repo_config *config, struct graft_repo **ret)
{
	GRAFT_CLEANUP(graft_repo_closep) struct graft_repo *repo = NULL;
	struct graft_error *err = graft_repo_begin(config, false, &repo);

	if (!err)
		err = graft_repo_load(repo, config->trusted_root);
	if (err)
		return err;
	*ret = GRAFT_TAKE(repo);
	return NULL;
}
