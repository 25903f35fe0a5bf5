// SPDX-License-Identifier: Apache-2.0

#include "plan/concerns.h"

#include "plan/module.h"
#include "proc/peek.h"
#include "proc/vmas.h"

#include <elf.h>
#include <string.h>
#include <sys/mman.h>

enum {
	/** As much of a file's first mapping is looked at without a look at what is
	 * mapped. */
	FIRST_BYTES = 1024,
};

/** Say whether the build-id of a file that is known stands in a process, where the file
 * is mapped: two files may have the same numbers in two trees of btrfs. */
static bool
has_id(pid_t pid, const struct graft_concern *concern, uint64_t first)
{
	uint8_t id[GRAFT_PATCH_BUILD_ID_MAX];
	size_t len = concern->from->old_build_id_len;

	return graft_peek(pid, first + concern->id_off, id, len) &&
	       memcmp(id, concern->from->old_build_id, len) == 0;
}

/** Say whether a file that is known begins where it did in the last process. That none
 * does says nothing. */
static bool
is_at_same_place(const struct graft_concerns *known, pid_t pid)
{
	uint8_t first[FIRST_BYTES];

	for (size_t i = 0; i < known->count; i++) {
		const struct graft_concern *concern = &known->list[i];
		size_t id_len = concern->from->old_build_id_len;
		if (concern->id_off > sizeof(first) - id_len)
			continue;
		if (graft_peek(pid, concern->start, first,
			       concern->id_off + id_len) &&
		    memcmp(first, ELFMAG, SELFMAG) == 0 &&
		    memcmp(first + concern->id_off, concern->from->old_build_id,
			   id_len) == 0)
			return true;
	}
	return false;
}

/** Say whether a mapping is that of a file that is known, with its build-id. */
static bool
is_known(const struct graft_concerns *known, pid_t pid,
	 const struct graft_map *map)
{
	for (size_t i = 0; map->inode && i < known->count; i++) {
		const struct graft_concern *concern = &known->list[i];
		if (concern->dev == map->dev && concern->inode == map->inode &&
		    map->off == 0 && has_id(pid, concern, map->start))
			return true;
	}
	return false;
}

/** The same of an executable mapping. */
static bool
is_known_code(const struct graft_concerns *known, pid_t pid,
	      const struct graft_vma *vma)
{
	for (size_t i = 0; vma->inode && i < known->count; i++) {
		const struct graft_concern *concern = &known->list[i];
		if (concern->dev == vma->dev && concern->inode == vma->inode &&
		    concern->code_off == vma->off &&
		    has_id(pid, concern, vma->start + concern->to_first))
			return true;
	}
	return false;
}

/**
 * Look for a file that is known among the executable mappings, where the kernel answers
 * for single ones: they are few. That none is found says nothing.
 */
static bool
has_known_code(const struct graft_concerns *known, pid_t pid)
{
	GRAFT_CLEANUP(graft_vmas_freep) struct graft_vmas *vmas = NULL;
	struct graft_error *err = NULL;
	uint64_t addr = 0;
	bool found = known->count > 0;
	bool is = false;

	if (!found)
		return false;
	err = graft_vmas_new(pid, &vmas);
	found = !err && graft_vmas_has_queries(vmas);
	while (!err && found && !is) {
		struct graft_vma vma;
		err = graft_vmas_next_code(vmas, addr, &vma, &found);
		is = !err && found && is_known_code(known, pid, &vma);
		addr = vma.end;
	}
	graft_error_free(err);
	return is;
}

/** Find an executable mapping of a module. @return NULL: it has none. */
static const struct graft_map *
code_of(const struct graft_maps *maps, const struct graft_module *module)
{
	for (size_t i = 0; i < maps->count; i++) {
		const struct graft_map *map = &maps->maps[i];
		if (map->prot & PROT_EXEC && map->start >= module->start &&
		    map->start < module->end && map->dev == module->map->dev &&
		    map->inode == module->map->inode)
			return map;
	}
	return NULL;
}

static void
remember(struct graft_concerns *known, const struct graft_maps *maps,
	 const struct graft_module *module,
	 const struct graft_patch_module *from)
{
	const struct graft_map *code = code_of(maps, module);

	if (known->count == GRAFT_CONCERNS_MAX || !code)
		return;
	known->list[known->count++] = (struct graft_concern){
		.dev = module->map->dev,
		.inode = module->map->inode,
		.start = module->start,
		.id_off = module->build_id_addr - module->start,
		.code_off = code->off,
		.to_first = module->start - code->start,
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
			remember(known, maps, module, from);
		}
	}
	return NULL;
}

struct graft_error *
graft_concerns_ask(pid_t pid, const struct graft_patch *patch,
		   struct graft_concerns *known, bool *ret)
{
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;

	if (is_at_same_place(known, pid) || has_known_code(known, pid)) {
		*ret = true;
		return NULL;
	}
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
