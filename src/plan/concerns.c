// SPDX-License-Identifier: Apache-2.0

#include "plan/concerns.h"

#include "plan/module.h"
#include "proc/peek.h"

#include <string.h>

/** Say whether a mapping is that of a file that is known, with its build-id. */
static bool
is_known(const struct graft_concerns *known, pid_t pid,
	 const struct graft_map *map)
{
	uint8_t id[GRAFT_PATCH_BUILD_ID_MAX];

	for (size_t i = 0; map->inode && i < known->count; i++) {
		const struct graft_concern *concern = &known->list[i];
		size_t len = concern->from->old_build_id_len;
		// Two files may have the same numbers in two trees of btrfs.
		if (concern->dev == map->dev && concern->inode == map->inode &&
		    map->off == 0 &&
		    graft_peek(pid, map->start + concern->id_off, id, len) &&
		    memcmp(id, concern->from->old_build_id, len) == 0)
			return true;
	}
	return false;
}

static void
remember(struct graft_concerns *known, const struct graft_module *module,
	 const struct graft_patch_module *from)
{
	if (known->count == GRAFT_CONCERNS_MAX)
		return;
	known->list[known->count++] = (struct graft_concern){
		.dev = module->map->dev,
		.inode = module->map->inode,
		.id_off = module->build_id_addr - module->start,
		.from = from,
	};
}

/** Look at all modules of a process. */
GRAFT_MUST_CHECK static struct graft_error *
look(pid_t pid, const struct graft_maps *maps, const struct graft_patch *patch,
     struct graft_concerns *known, bool *ret)
{
	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	GRAFT_CLEANUP(graft_modules_freep) struct graft_modules *modules = NULL;
	struct graft_error *err = graft_target_open(pid, &target);

	if (!err)
		err = graft_modules_read(target, maps, &modules);
	if (err)
		return err;
	*ret = false;
	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_patch_module *from = &patch->modules[i];
		if (from->verdict == GRAFT_VERDICT_IDENTICAL)
			continue;
		for (size_t j = 0; j < modules->count; j++) {
			const struct graft_module *module =
				&modules->modules[j];
			if (!graft_module_is(module, from->old_build_id,
					     from->old_build_id_len))
				continue;
			*ret = true;
			remember(known, module, from);
		}
	}
	return NULL;
}

struct graft_error *
graft_concerns_ask(pid_t pid, const struct graft_patch *patch,
		   struct graft_concerns *known, bool *ret)
{
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	struct graft_error *err = graft_maps_read(pid, &maps);

	if (err)
		return err;
	for (size_t i = 0; i < maps->count; i++) {
		if (is_known(known, pid, &maps->maps[i])) {
			*ret = true;
			return NULL;
		}
	}
	return look(pid, maps, patch, known, ret);
}
