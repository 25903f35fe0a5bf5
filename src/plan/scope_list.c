// SPDX-License-Identifier: Apache-2.0

#include "plan/scope_list.h"

#include "base/vec.h"

#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum {
	/** Most modules of one process. */
	LINKS_MAX = 8192,
	/** Most bytes of a dynamic section. */
	DYNAMIC_MAX = 64 << 10,
};

void
graft_scope_free(struct graft_scope *scope)
{
	if (!scope)
		return;
	free(scope->entries);
	free(scope);
}

/** Get the value of DT_DEBUG of a module; 0 if it has none. */
GRAFT_MUST_CHECK static struct graft_error *
read_debug(struct graft_target *target, const struct graft_module *module,
	   uint64_t *ret)
{
	size_t len = module->dynamic_size < DYNAMIC_MAX ? module->dynamic_size
							: DYNAMIC_MAX;
	*ret = 0;
	if (!module->interp || !module->dynamic)
		return NULL;
	GRAFT_FREE Elf64_Dyn *dyns = malloc(len + sizeof(*dyns));
	if (!dyns)
		return graft_error_no_memory();
	bool there;
	struct graft_error *err = graft_target_try_read(target, module->dynamic,
							dyns, len, &there);
	if (err)
		return err;
	for (size_t i = 0; there && i < len / sizeof(*dyns); i++) {
		if (dyns[i].d_tag == DT_NULL)
			break;
		if (dyns[i].d_tag == DT_DEBUG)
			*ret = dyns[i].d_un.d_ptr;
	}
	return NULL;
}

static const struct graft_module *
module_by_dynamic(const struct graft_modules *modules, uint64_t dynamic)
{
	for (size_t i = 0; i < modules->count; i++) {
		if (dynamic && modules->modules[i].dynamic == dynamic)
			return &modules->modules[i];
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
add_entry(struct graft_scope *scope, size_t *cap,
	  const struct graft_module *module, struct graft_builds *builds)
{
	struct graft_scope_entry entry = { .module = module };
	struct graft_error *err = graft_vec_reserve(&scope->entries, cap,
						    scope->count + 1,
						    sizeof(*scope->entries));
	if (err)
		return err;
	err = graft_builds_get(builds, graft_target_pid(scope->target),
			       module->map, &entry.image);
	if (err) {
		err = graft_error_prefix(err, "R-07");
		return err;
	}
	scope->entries[scope->count++] = entry;
	return NULL;
}

/** Walk the list from its head. */
GRAFT_MUST_CHECK static struct graft_error *
read_links(struct graft_scope *scope, const struct graft_modules *modules,
	   struct graft_builds *builds, uint64_t debug)
{
	struct graft_error *err;
	struct r_debug head;
	size_t cap = 0;

	err = graft_target_read(scope->target, debug, &head, sizeof(head));
	if (err)
		return err;
	uint64_t addr = (uint64_t)(uintptr_t)head.r_map;
	for (size_t i = 0; addr && i < LINKS_MAX; i++) {
		struct link_map link;
		err = graft_target_read(scope->target, addr, &link,
					sizeof(link));
		if (err)
			return err;
		const struct graft_module *module = module_by_dynamic(
			modules, (uint64_t)(uintptr_t)link.l_ld);
		// The vdso is in the list without being a file.
		if (module) {
			err = add_entry(scope, &cap, module, builds);
			if (err)
				return err;
		}
		addr = (uint64_t)(uintptr_t)link.l_next;
	}
	return NULL;
}

static bool
answers_to(const struct graft_scope_entry *entry, const char *needed)
{
	const char *soname = graft_image_soname(entry->image);
	const char *slash = strrchr(entry->module->map->path, '/');
	const char *file = slash ? slash + 1 : entry->module->map->path;

	if (soname && strcmp(soname, needed) == 0)
		return true;
	return strcmp(file, needed) == 0 ||
	       strcmp(entry->module->map->path, needed) == 0;
}

/** Find the last entry that @p of needs; -1 if none is there. */
static ssize_t
last_needed(const struct graft_scope *scope, const struct graft_scope_entry *of)
{
	size_t count;
	ssize_t last = -1;
	const char *const *needed = graft_image_needed(of->image, &count);

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < scope->count; j++) {
			if (!answers_to(&scope->entries[j], needed[i]))
				continue;
			if ((ssize_t)j > last)
				last = (ssize_t)j;
			break;
		}
	}
	return last;
}

/**
 * Mark what the process started with: the list up to the last module that one
 * of them needs. Modules loaded later are behind all of these.
 */
static void
mark_startup(struct graft_scope *scope)
{
	size_t end = scope->count ? 1 : 0;

	for (size_t i = 0; i < end; i++) {
		ssize_t last = last_needed(scope, &scope->entries[i]);
		scope->entries[i].startup = true;
		if (last >= (ssize_t)end)
			end = (size_t)last + 1;
	}
}

struct graft_error *
graft_scope_read(struct graft_target *target, const struct graft_maps *maps,
		 const struct graft_modules *modules,
		 struct graft_builds *builds, struct graft_scope **ret)
{
	struct graft_error *err;
	uint64_t debug = 0;

	GRAFT_CLEANUP(graft_scope_freep)
	struct graft_scope *scope = calloc(1, sizeof(*scope));
	if (!scope)
		return graft_error_no_memory();
	scope->target = target;
	scope->maps = maps;
	for (size_t i = 0; !debug && i < modules->count; i++) {
		err = read_debug(target, &modules->modules[i], &debug);
		if (err)
			return err;
	}
	if (!debug)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-07: the process has no list of its modules (a static program?), and the hotpatch imports symbols");
	err = read_links(scope, modules, builds, debug);
	if (err)
		return err;
	mark_startup(scope);
	*ret = GRAFT_TAKE(scope);
	return NULL;
}

void
graft_scope_mark_local(struct graft_scope *scope,
		       struct graft_scope_entry *entry)
{
	size_t count;
	const char *const *needed = graft_image_needed(entry->image, &count);

	entry->local = true;
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < scope->count; j++) {
			struct graft_scope_entry *other = &scope->entries[j];
			if (!answers_to(other, needed[i]))
				continue;
			if (!other->local)
				graft_scope_mark_local(scope, other);
			break;
		}
	}
}
