// SPDX-License-Identifier: Apache-2.0

#include "cmd/diff_disk.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/diff_sides.h"
#include "diff/input/tree.h"
#include "patch/disks.h"
#include "patch/patch.h"
#include "persist/make.h"

#include <stdio.h>
#include <string.h>

static struct graft_error *
add_package(const char *old_path, const char *new_path,
	    struct graft_patch *patch)
{
	struct graft_disk *disk = NULL;
	struct graft_error *err = graft_disk_make(old_path, new_path, &disk);

	return err ? err : graft_disks_take(patch, disk);
}

/** Packages of which one has no part for the disk have a hotpatch all the same. */
static struct graft_error *
add_packages(const struct graft_diff_sides *sides, struct graft_patch *patch)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < sides->count; i++)
		err = add_package(sides->old_trees[i]->name,
				  sides->new_trees[i]->name, patch);
	if (!err || graft_error_kind(err) != GRAFT_KIND_INPUT)
		return err;
	for (size_t i = 0; i < patch->disk_count; i++)
		graft_disk_free(patch->disks[i]);
	patch->disk_count = 0;
	graft_text_put_safe(&text, graft_error_message(err));
	(void)fprintf(stderr,
		      "graft: diff: the hotpatch is for memory only: %s\n",
		      graft_text_str(&text));
	graft_error_free(err);
	return NULL;
}

/** The files that both sides have. */
static struct graft_error *
add_files(const struct graft_tree *old_tree, const struct graft_tree *new_tree,
	  struct graft_patch *patch)
{
	GRAFT_FREE const char **paths = calloc(patch->module_count + 1,
					       sizeof(*paths));
	size_t count = 0;

	if (!paths)
		return graft_error_no_memory();
	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_patch_module *m = &patch->modules[i];
		static const uint8_t none[GRAFT_PATCH_SHA256_SIZE];
		if (memcmp(m->new_sha256, none, sizeof(none)) != 0)
			paths[count++] = m->path;
	}
	struct graft_disk *disk = NULL;
	struct graft_error *err = graft_disk_make_files(
		old_tree->name, new_tree->name, paths, count, &disk);
	return err ? err : graft_disks_take(patch, disk);
}

struct graft_error *
graft_diff_add_disk(const struct graft_diff_sides *sides,
		    struct graft_patch *patch)
{
	if (graft_diff_sides_are_packages(sides))
		return add_packages(sides, patch);
	return add_files(sides->old_trees[0], sides->new_trees[0], patch);
}
