// SPDX-License-Identifier: Apache-2.0

// What no role of a mirror lists any more goes.

#include "repo/mirror_model.h"

#include "repo/tree.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/** Remove a file, and the folders above it that are empty then. */
GRAFT_MUST_CHECK static struct graft_error *
remove_file(const char *path, const char *below)
{
	GRAFT_FREE char *folder = NULL;
	struct graft_error *err = graft_mirror_path(&folder, "%s", path);

	if (err)
		return err;
	if (unlink(path) < 0 && errno != ENOENT)
		return graft_error_os(errno, "remove %s", path);
	// Only those that the target's name brought.
	for (const char *at = strchr(below, '/'); at;
	     at = strchr(at + 1, '/')) {
		*strrchr(folder, '/') = '\0';
		if (rmdir(folder) < 0)
			break;
	}
	return NULL;
}

static struct graft_error *
sweep_whole(void *arg, const char *path, const char *below)
{
	const struct graft_mirror *mirror = arg;

	return graft_mirror_find(mirror, below) == SIZE_MAX
		       ? remove_file(path, below)
		       : NULL;
}

static struct graft_error *
sweep_partial(void *arg, const char *path, const char *below)
{
	const struct graft_mirror *mirror = arg;

	for (size_t i = 0; i < mirror->target_count; i++) {
		if (strcmp(mirror->targets[i].hash, below) == 0)
			return NULL;
	}
	return remove_file(path, below);
}

struct graft_error *
graft_mirror_sweep(const struct graft_mirror *mirror)
{
	GRAFT_FREE char *whole = NULL;
	GRAFT_FREE char *partial = NULL;

	struct graft_error *err = graft_mirror_path(&whole, "%s/public/targets",
						    mirror->config.dir);
	if (!err)
		err = graft_mirror_path(&partial, "%s/partial",
					mirror->config.dir);
	if (!err)
		err = graft_tree_each(whole, sweep_whole, (void *)mirror);
	return err ? err
		   : graft_tree_each(partial, sweep_partial, (void *)mirror);
}
