// SPDX-License-Identifier: Apache-2.0

#include "cmd/diff_sides.h"

#include "base/cleanup.h"
#include "cmd/packages.h"
#include "persist/deb.h"

#include <stdlib.h>
#include <string.h>

void
graft_diff_sides_deinit(struct graft_diff_sides *sides)
{
	// The pairs borrow the trees.
	for (size_t i = 0; i < sides->count; i++) {
		graft_pairs_free(sides->pairs[i]);
		graft_tree_close(sides->old_trees[i]);
		graft_tree_close(sides->new_trees[i]);
	}
	free(sides->pairs);
	free(sides->old_trees);
	free(sides->new_trees);
	free(sides->package);
	free(sides->old_version);
	free(sides->new_version);
	*sides = (struct graft_diff_sides){ 0 };
}

/** Say whether a tree holds a program or a library. */
static bool
has_elf(const struct graft_tree *tree)
{
	for (size_t i = 0; i < tree->file_count; i++) {
		if (tree->files[i].elf && !tree->files[i].debug)
			return true;
	}
	return false;
}

/**
 * Open one side.
 *
 * A directory without any build is most likely the wrong one, and "nothing to do"
 * the wrong answer. Packages without any are common.
 */
static struct graft_error *
open_side(const char *path, struct graft_tree **ret)
{
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *tree = NULL;
	struct graft_error *err = graft_tree_open(path, &tree);

	if (err)
		return err;
	if (tree->kind == GRAFT_TREE_DIRECTORY && !has_elf(tree))
		return graft_error_new(
			GRAFT_ERROR_NOT_FOUND,
			"%s: no ELF file in this directory%s", path,
			tree->link_count
				? ", only symbolic links, which are not followed"
				: "");
	*ret = GRAFT_TAKE(tree);
	return NULL;
}

/** Open a pair of trees. */
static struct graft_error *
open_pair(const char *old_path, const char *new_path,
	  struct graft_diff_sides *sides)
{
	const size_t i = sides->count++;

	struct graft_error *err = open_side(old_path, &sides->old_trees[i]);
	if (!err)
		err = open_side(new_path, &sides->new_trees[i]);
	return err ? err
		   : graft_pairs_make(sides->old_trees[i], sides->new_trees[i],
				      &sides->pairs[i]);
}

static struct graft_error *
make_room(struct graft_diff_sides *sides, size_t count)
{
	sides->old_trees = calloc(count, sizeof(*sides->old_trees));
	sides->new_trees = calloc(count, sizeof(*sides->new_trees));
	sides->pairs = calloc(count, sizeof(*sides->pairs));
	return sides->old_trees && sides->new_trees && sides->pairs
		       ? NULL
		       : graft_error_no_memory();
}

/** Add what OLD and NEW are: two packages, or two folders of some. */
static struct graft_error *
add_first(const struct graft_diff_named *first,
	  struct graft_package_pairs *pairs)
{
	bool old_folder = false;
	bool new_folder = false;

	struct graft_error *err = graft_packages_in(first->old_path,
						    &old_folder);
	if (!err)
		err = graft_packages_in(first->new_path, &new_folder);
	if (err)
		return err;
	if (old_folder && new_folder)
		return graft_package_pairs_add_folders(pairs, first->old_path,
						       first->new_path);
	return graft_package_pairs_add(pairs, first->old_path, first->new_path);
}

/** Several packages are called after what they were built from. */
static struct graft_error *
name_source(const struct graft_package_pairs *pairs,
	    struct graft_diff_sides *sides)
{
	const struct graft_package_pair *first = &pairs->items[0];
	bool same = true;

	if (pairs->count < 2)
		return NULL;
	// Rebuilt alone, they have a version of their own, which their programs print.
	for (size_t i = 1; i < pairs->count; i++)
		same = same &&
		       strcmp(pairs->items[i].old->version,
			      first->old->version) == 0 &&
		       strcmp(pairs->items[i].new->version,
			      first->new->version) == 0;
	sides->package = strdup(first->new->source);
	sides->old_version = strdup(same ? first->old->version
					 : first->old->source_version);
	sides->new_version = strdup(same ? first->new->version
					 : first->new->source_version);
	return sides->package && sides->old_version && sides->new_version
		       ? NULL
		       : graft_error_no_memory();
}

static struct graft_error *
open_packages(const struct graft_diff_named *named, size_t count,
	      struct graft_diff_sides *sides)
{
	GRAFT_CLEANUP(graft_package_pairs_deinit)
	struct graft_package_pairs pairs = { 0 };

	struct graft_error *err = add_first(&named[0], &pairs);
	for (size_t i = 1; !err && i < count; i++)
		err = graft_package_pairs_add(&pairs, named[i].old_path,
					      named[i].new_path);
	if (!err)
		err = graft_package_pairs_sort(&pairs);
	if (!err)
		err = make_room(sides, pairs.count);
	if (!err)
		err = name_source(&pairs, sides);
	for (size_t i = 0; !err && i < pairs.count; i++)
		err = open_pair(pairs.items[i].old->path,
				pairs.items[i].new->path, sides);
	return err;
}

struct graft_error *
graft_diff_sides_open(const struct graft_diff_named *named, size_t count,
		      struct graft_diff_sides *ret)
{
	GRAFT_CLEANUP(graft_diff_sides_deinit)
	struct graft_diff_sides sides = { 0 };
	bool folders[2] = { false, false };

	struct graft_error *err = graft_packages_in(named[0].old_path,
						    &folders[0]);
	if (!err)
		err = graft_packages_in(named[0].new_path, &folders[1]);
	if (err)
		return err;
	if (count > 1 || (folders[0] && folders[1])) {
		err = open_packages(named, count, &sides);
	} else {
		err = make_room(&sides, 1);
		if (!err)
			err = open_pair(named[0].old_path, named[0].new_path,
					&sides);
	}
	if (err)
		return err;
	*ret = sides;
	sides = (struct graft_diff_sides){ 0 };
	return NULL;
}

bool
graft_diff_sides_are_packages(const struct graft_diff_sides *sides)
{
	for (size_t i = 0; i < sides->count; i++) {
		if (sides->old_trees[i]->kind != GRAFT_TREE_PACKAGE ||
		    sides->new_trees[i]->kind != GRAFT_TREE_PACKAGE)
			return false;
	}
	return true;
}
