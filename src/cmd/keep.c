// SPDX-License-Identifier: Apache-2.0

#include "cmd/keep.h"

#include "base/cleanup.h"
#include "base/env.h"
#include "base/file.h"

#include <stdio.h>
#include <unistd.h>

/** Where a hotpatch is kept. */
struct kept {
	char *dir;
	char *path;
	/** That others may not have it. */
	char *here;
};

static void
kept_deinit(struct kept *kept)
{
	free(kept->dir);
	free(kept->path);
	free(kept->here);
}

static struct graft_error *
find(const char *id, struct kept *ret)
{
	*ret = (struct kept){ 0 };
	if (asprintf(&ret->dir, "%s/hotpatches", graft_env_state_dir()) < 0)
		ret->dir = NULL;
	if (ret->dir && asprintf(&ret->path, "%s/%s.graft", ret->dir, id) < 0)
		ret->path = NULL;
	if (ret->dir && asprintf(&ret->here, "%s/%s.here", ret->dir, id) < 0)
		ret->here = NULL;
	return ret->dir && ret->path && ret->here ? NULL
						  : graft_error_no_memory();
}

struct graft_error *
graft_keep_put(const char *id, const void *bytes, size_t len, bool for_all)
{
	GRAFT_CLEANUP(kept_deinit) struct kept kept;
	struct graft_error *err = find(id, &kept);

	if (!err)
		err = graft_dir_make(kept.dir, 0700);
	// Before the hotpatch itself, so that nobody sees it without.
	if (!err && !for_all && access(kept.path, F_OK) < 0)
		err = graft_file_write(kept.here, "", 0, 0600);
	if (!err)
		err = graft_file_write(kept.path, bytes, len, 0600);
	if (!err && for_all)
		(void)unlink(kept.here);
	return err;
}

struct graft_error *
graft_keep_drop(const char *id)
{
	GRAFT_CLEANUP(kept_deinit) struct kept kept;
	struct graft_error *err = find(id, &kept);

	if (err)
		return err;
	(void)unlink(kept.path);
	(void)unlink(kept.here);
	return NULL;
}
