// SPDX-License-Identifier: Apache-2.0

#include "repo/open.h"

#include "base/file.h"
#include "repo/copy.h"
#include "repo/tree.h"
#include "trust/instant.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/** 2026-01-01: no machine that runs this program is before that. */
enum { CLOCK_MIN_S = 1767225600 };

struct graft_error *
graft_repo_begin(const struct graft_repo_config *config, bool make,
		 struct graft_repo **ret)
{
	GRAFT_FREE char *staged = NULL;
	GRAFT_FREE char *staged_root = NULL;
	GRAFT_FREE char *next = NULL;
	GRAFT_FREE char *public = NULL;
	GRAFT_FREE char *targets = NULL;
	GRAFT_CLEANUP(graft_repo_closep)
	struct graft_repo *repo = calloc(1, sizeof(*repo));
	char says[GRAFT_INSTANT_LEN];

	// What is signed there would have expired: to all clients the repository would be out of date.
	graft_instant_print(config->now, says);
	if (config->now < CLOCK_MIN_S)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "the clock of this host is wrong: it "
				       "says %s; set it, and try again",
				       says);
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
	if (!err)
		err = graft_repo_path(repo, &public, "public/metadata");
	if (!err)
		err = graft_repo_path(repo, &targets, "staged/targets");
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
	graft_file_sweep(public, "*.json");
	graft_file_sweep(targets, GRAFT_COPY_BESIDE);
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
