// SPDX-License-Identifier: Apache-2.0

#include "host/known_files.h"

#include "base/cleanup.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLOTS_LEAST = 256,
};

void
graft_known_files_deinit(struct graft_known_files *known)
{
	for (size_t i = 0; i < known->count; i++)
		free(known->list[i].path);
	free(known->list);
	free(known->slots);
	*known = (struct graft_known_files){ 0 };
}

/** Mix the numbers of a file: inodes are given out in a row. */
static size_t
slot_of(const struct graft_known_files *known, uint64_t dev, uint64_t inode,
	const struct graft_root *root)
{
	uint64_t hash = inode + 31 * dev + 961 * root->ns +
			29791 * (root->inode + root->mount);

	hash *= 0x9e3779b97f4a7c15;
	return (size_t)(hash >> 32) & (known->slot_count - 1);
}

struct graft_known_file *
graft_known_files_find(const struct graft_known_files *known,
		       const struct graft_map *map,
		       const struct graft_root *root)
{
	if (!known->count)
		return NULL;
	for (size_t at = slot_of(known, map->dev, map->inode, root);
	     known->slots[at]; at = (at + 1) & (known->slot_count - 1)) {
		struct graft_known_file *file =
			&known->list[known->slots[at] - 1];
		if (file->inode == map->inode && file->dev == map->dev &&
		    file->deleted == map->deleted &&
		    graft_root_is_same(&file->root, root) &&
		    strcmp(file->path, map->path) == 0)
			return file;
	}
	return NULL;
}

/** Note where a file is. */
static void
put_slot(struct graft_known_files *known, size_t index)
{
	const struct graft_known_file *file = &known->list[index];
	size_t at = slot_of(known, file->dev, file->inode, &file->root);

	while (known->slots[at])
		at = (at + 1) & (known->slot_count - 1);
	known->slots[at] = index + 1;
}

/** Make room for one more, with every other slot free. */
GRAFT_MUST_CHECK static struct graft_error *
reserve_slots(struct graft_known_files *known)
{
	size_t count = known->slot_count ? 2 * known->slot_count : SLOTS_LEAST;

	if (2 * (known->count + 1) <= known->slot_count)
		return NULL;
	size_t *slots = calloc(count, sizeof(*slots));
	if (!slots)
		return graft_error_no_memory();
	free(known->slots);
	known->slots = slots;
	known->slot_count = count;
	for (size_t i = 0; i < known->count; i++)
		put_slot(known, i);
	return NULL;
}

struct graft_error *
graft_known_files_add(struct graft_known_files *known,
		      const struct graft_map *map,
		      const struct graft_root *root, size_t file)
{
	struct graft_error *err = graft_vec_reserve(&known->list, &known->room,
						    known->count + 1,
						    sizeof(*known->list));

	if (!err)
		err = reserve_slots(known);
	if (err)
		return err;
	struct graft_known_file found = {
		.root = *root,
		.dev = map->dev,
		.inode = map->inode,
		.deleted = map->deleted,
		.path = strdup(map->path),
		.file = file,
	};
	if (!found.path)
		return graft_error_no_memory();
	known->list[known->count] = found;
	put_slot(known, known->count++);
	return NULL;
}
