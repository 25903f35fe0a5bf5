// SPDX-License-Identifier: Apache-2.0

#include "cmd/side.h"

#include "base/vec.h"
#include "cmd/packages.h"

#include <stdlib.h>
#include <string.h>

void
graft_side_close(struct graft_side *side)
{
	if (!side)
		return;
	for (size_t i = 0; i < side->count; i++)
		graft_tree_close(side->trees[i]);
	free(side->trees);
	free(side->name);
	free(side);
}

/** Where the trees of a folder go. */
struct adding {
	struct graft_side *side;
	size_t cap;
};

static struct graft_error *
add_tree(void *arg, const char *path)
{
	struct adding *adding = arg;
	struct graft_side *side = adding->side;
	struct graft_error *err = graft_vec_reserve(&side->trees, &adding->cap,
						    side->count + 1,
						    sizeof(*side->trees));

	if (err)
		return err;
	err = graft_tree_open(path, &side->trees[side->count]);
	side->count += !err;
	return err;
}

struct graft_error *
graft_side_open(const char *path, struct graft_side **ret)
{
	GRAFT_CLEANUP(graft_side_closep)
	struct graft_side *side = calloc(1, sizeof(*side));
	struct adding adding = { .side = side };
	bool packages = false;

	if (!side)
		return graft_error_no_memory();
	side->name = strdup(path);
	if (!side->name)
		return graft_error_no_memory();
	struct graft_error *err = graft_packages_in(path, &packages);
	if (!err)
		err = packages ? graft_packages_each(path, add_tree, &adding)
			       : add_tree(&adding, path);
	if (err)
		return err;
	*ret = GRAFT_TAKE(side);
	return NULL;
}

const struct graft_tree_file *
graft_side_find(const struct graft_side *side,
		const uint8_t sha256[GRAFT_SHA256_LEN],
		const struct graft_tree **tree_ret)
{
	for (size_t i = 0; i < side->count; i++) {
		const struct graft_tree *tree = side->trees[i];
		for (size_t k = 0; k < tree->file_count; k++) {
			const struct graft_tree_file *file = &tree->files[k];
			if (!file->elf || memcmp(file->sha256, sha256,
						 sizeof(file->sha256)) != 0)
				continue;
			if (tree_ret)
				*tree_ret = tree;
			return file;
		}
	}
	if (tree_ret)
		*tree_ret = NULL;
	return NULL;
}
