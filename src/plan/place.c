// SPDX-License-Identifier: Apache-2.0

#include "plan/place.h"

#include "base/clock.h"
#include "plan/hook.h"
#include "plan/shadow.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	PAGE = 4096,
};

/** Farthest that code of the shadow and of the module may be apart. */
static const uint64_t reach = INT32_MAX - (64 << 10);

static char *
copy_or_empty(const char *str)
{
	return strdup(str ? str : "");
}

GRAFT_MUST_CHECK static struct graft_error *
fill_redirects(struct graft_header *header,
	       const struct graft_patch_module *patch)
{
	header->redirects = calloc(patch->redirect_count + 1,
				   sizeof(*header->redirects));
	if (!header->redirects)
		return graft_error_no_memory();
	for (size_t i = 0; i < patch->redirect_count; i++) {
		const struct graft_redirect *from = &patch->redirects[i];
		struct graft_header_redirect *to = &header->redirects[i];

		to->entry = header->base + from->old_addr;
		to->skip = from->skip;
		to->target = header->shadow_base + graft_redirect_target(from);
		memcpy(to->original, from->original, GRAFT_JUMP_SIZE);
		to->name = copy_or_empty(from->name);
		header->redirect_count++;
		if (!to->name)
			return graft_error_no_memory();
		if (!graft_jump_encode(to->entry + to->skip, to->target,
				       to->jump))
			return graft_error_new(
				GRAFT_ERROR_NO_SPACE_NEARBY,
				"%s: its jump does not reach the shadow",
				to->name);
		if (to->entry < header->start || to->entry >= header->end)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "%s is outside of the module",
					       to->name);
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
fill_fragments(struct graft_header *header,
	       const struct graft_patch_module *patch)
{
	header->fragments = calloc(patch->fragment_count + 1,
				   sizeof(*header->fragments));
	if (!header->fragments)
		return graft_error_no_memory();
	for (size_t i = 0; i < patch->fragment_count; i++) {
		const struct graft_fragment *from = &patch->fragments[i];
		uint64_t addr = header->base + from->old_addr;

		if (from->redirect >= patch->redirect_count ||
		    addr < header->start || addr >= header->end ||
		    from->size > header->end - addr)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"the fragment at 0x%llx is outside of the module",
				(unsigned long long)from->old_addr);
		header->fragments[header->fragment_count++] =
			(struct graft_header_fragment){
				.addr = addr,
				.size = from->size,
				.redirect = from->redirect,
			};
	}
	return NULL;
}

/** The objects are in the shadow, until another place is found for them. */
GRAFT_MUST_CHECK static struct graft_error *
fill_objects(struct graft_header *header,
	     const struct graft_patch_module *patch)
{
	// A page of the first format does not tell them.
	if (header->version == 1)
		return NULL;
	header->objects = calloc(patch->object_count + 1,
				 sizeof(*header->objects));
	if (!header->objects)
		return graft_error_no_memory();
	for (size_t i = 0; i < patch->object_count; i++) {
		const struct graft_object *from = &patch->objects[i];
		struct graft_header_object *to = &header->objects[i];

		to->addr = header->shadow_base + from->new_addr;
		to->size = from->size;
		memcpy(to->identity, from->identity, sizeof(to->identity));
	}
	header->object_count = (uint32_t)patch->object_count;
	return NULL;
}

static bool
fill_names(struct graft_header *header, const char *id, const char *title,
	   const struct graft_patch_module *patch,
	   const struct graft_module *module)
{
	(void)strncpy(header->id, id, GRAFT_PATCH_ID_LEN);
	memcpy(header->old_build_id, patch->old_build_id,
	       sizeof(header->old_build_id));
	header->old_build_id_len = (uint32_t)patch->old_build_id_len;
	memcpy(header->new_build_id, patch->new_build_id,
	       sizeof(header->new_build_id));
	header->new_build_id_len = (uint32_t)patch->new_build_id_len;
	header->title = copy_or_empty(title);
	header->module = copy_or_empty(module->map->path);
	return header->title && header->module;
}

/** Fill in everything but the addresses of shadow and header page. */
GRAFT_MUST_CHECK static struct graft_error *
fill(struct graft_header *header, uint64_t shadow_base, const char *id,
     const char *title, const struct graft_patch_module *patch,
     const struct graft_module *module)
{
	struct graft_error *err;

	header->state = GRAFT_HEADER_BUILDING;
	header->created_us = header->changed_us = graft_clock_now_us();
	header->base = module->base;
	header->start = module->start;
	header->end = module->end;
	header->shadow_base = shadow_base;
	header->build_id_addr = module->build_id_addr;
	if (!fill_names(header, id, title, patch, module))
		return graft_error_no_memory();
	err = graft_shadow_regions(patch, shadow_base, &header->regions,
				   &header->region_count);
	if (err)
		return err;
	err = fill_redirects(header, patch);
	if (err)
		return err;
	err = fill_fragments(header, patch);
	if (!err)
		err = fill_objects(header, patch);
	if (err)
		return err;

	const struct graft_header_region *last =
		&header->regions[header->region_count - 1];
	uint64_t hook = graft_hook_room(patch);
	if (hook) {
		// There is room for one more region than runs.
		header->regions[header->region_count++] =
			(struct graft_header_region){
				.addr = last->addr + last->len + PAGE,
				.len = hook,
				.prot = PROT_READ | PROT_EXEC,
			};
		last++;
	}
	// Right behind code, with which the kernel joins it to no single mapping: both go
	// in one call then.
	header->addr = last->addr + last->len +
		       (last->prot & PROT_EXEC ? 0 : PAGE);
	header->len = (graft_header_size(header) + PAGE - 1) &
		      ~(uint64_t)(PAGE - 1);
	if (header->len > GRAFT_HEADER_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "its header page would be too large");
	return NULL;
}

/** Bytes of the header page, which do not depend on the place. */
static uint64_t
header_room(const char *title, const struct graft_patch_module *patch,
	    const struct graft_module *module)
{
	uint64_t hook = graft_hook_room(patch);
	uint64_t size = 2 * PAGE + (title ? strlen(title) : 0) +
			strlen(module->map->path) + (hook ? hook + PAGE : 0);

	size += patch->run_count * sizeof(struct graft_header_region);
	size += patch->fragment_count * sizeof(struct graft_header_fragment);
	size += patch->object_count * sizeof(struct graft_header_object);
	for (size_t i = 0; i < patch->redirect_count; i++)
		size += sizeof(struct graft_header_redirect) +
			strlen(patch->redirects[i].name
				       ? patch->redirects[i].name
				       : "");
	return (size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/** How far from the module the shadow may be. What is named by addresses of 32 bits
 * has to be below 2 GiB. */
static uint64_t
reach_of(const struct graft_patch_module *patch,
	 const struct graft_module *module)
{
	if (!graft_patch_module_is_low(patch))
		return reach;
	return module->start < reach ? reach - module->start : 0;
}

GRAFT_MUST_CHECK static struct graft_error *
find_base(const struct graft_patch_module *patch,
	  const struct graft_module *module, const struct graft_maps *maps,
	  uint64_t room, uint64_t *ret)
{
	uint32_t count;
	GRAFT_FREE struct graft_header_region *regions = NULL;
	struct graft_error *err = graft_shadow_regions(patch, 0, &regions,
						       &count);
	if (err)
		return err;
	if (count == 0 || patch->redirect_count == 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "the hotpatch carries nothing for %s",
				       module->map->path);

	uint64_t low = regions[0].addr;
	uint64_t high = regions[count - 1].addr + regions[count - 1].len;
	uint64_t align = patch->align > PAGE ? patch->align : PAGE;
	uint64_t start;
	if (align & (align - 1))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "its alignment is no power of two");
	uint64_t most = reach_of(patch, module);
	if (!most || !graft_maps_find_free(maps, module->start, module->end,
					   high - low + PAGE + room,
					   low % align, align, most, &start))
		return graft_error_new(
			GRAFT_ERROR_NO_SPACE_NEARBY,
			"%s: no free address space of %llu bytes %s 2 GiB",
			module->map->path,
			(unsigned long long)(high - low + PAGE + room),
			most == reach ? "within" : "below");
	// Behind a program that stands below 2 GiB grows its heap, if there is none yet.
	if (graft_patch_module_is_low(patch) && start > module->start)
		return graft_error_new(
			GRAFT_ERROR_NO_SPACE_NEARBY,
			"%s: no free address space of %llu bytes in front of it",
			module->map->path,
			(unsigned long long)(high - low + PAGE + room));
	*ret = start - low;
	return NULL;
}

struct graft_error *
graft_place_make(const char *id, const char *title,
		 const struct graft_patch_module *patch,
		 const struct graft_module *module,
		 const struct graft_maps *maps, struct graft_header *ret)
{
	uint64_t base;
	struct graft_error *err = find_base(
		patch, module, maps, header_room(title, patch, module), &base);
	if (err)
		return err;
	struct graft_header header = { 0 };
	err = fill(&header, base, id, title, patch, module);
	if (err) {
		graft_header_deinit(&header);
		return err;
	}
	*ret = header;
	return NULL;
}

bool
graft_place_is_mapped(const struct graft_maps *maps, uint64_t addr,
		      uint64_t len, int prot)
{
	uint64_t end = addr + len;

	while (addr < end) {
		const struct graft_map *map = graft_maps_at(maps, addr);
		if (!map || map->inode || map->shared || map->prot != prot)
			return false;
		addr = map->end;
	}
	return true;
}

bool
graft_place_is_there(const struct graft_maps *maps,
		     const struct graft_header *header)
{
	bool there = graft_place_is_mapped(maps, header->addr, header->len,
					   PROT_READ);

	for (uint32_t i = 0; there && i < header->region_count; i++)
		there = graft_place_is_mapped(maps, header->regions[i].addr,
					      header->regions[i].len,
					      (int)header->regions[i].prot);
	return there;
}

/** Say whether two headers describe the same shadow. */
static bool
same(const struct graft_header *a, const struct graft_header *b)
{
	bool equal = a->addr == b->addr && a->len == b->len &&
		     a->base == b->base && a->shadow_base == b->shadow_base &&
		     a->region_count == b->region_count &&
		     a->redirect_count == b->redirect_count &&
		     a->fragment_count == b->fragment_count &&
		     a->object_count == b->object_count;

	for (uint32_t i = 0; equal && i < a->region_count; i++)
		equal = a->regions[i].addr == b->regions[i].addr &&
			a->regions[i].len == b->regions[i].len &&
			a->regions[i].prot == b->regions[i].prot;
	for (uint32_t i = 0; equal && i < a->redirect_count; i++)
		equal = a->redirects[i].entry == b->redirects[i].entry &&
			a->redirects[i].target == b->redirects[i].target &&
			memcmp(a->redirects[i].original,
			       b->redirects[i].original, GRAFT_JUMP_SIZE) == 0;
	return equal;
}

struct graft_error *
graft_place_reuse(const struct graft_header *old, const char *id,
		  const char *title, const struct graft_patch_module *patch,
		  const struct graft_module *module,
		  const struct graft_maps *maps, struct graft_header *ret,
		  bool *ok_ret)
{
	struct graft_header header = { 0 };
	uint64_t align = patch->align > PAGE ? patch->align : PAGE;

	*ok_ret = false;
	header.version = old->version;
	struct graft_error *err = fill(&header, old->shadow_base, id, title,
				       patch, module);
	if (err) {
		graft_header_deinit(&header);
		return err;
	}
	bool ok = same(old, &header) && old->shadow_base % align == 0 &&
		  graft_place_is_there(maps, &header);
	if (!ok) {
		graft_header_deinit(&header);
		return NULL;
	}
	header.created_us = old->created_us;
	// Where they were found to be when it was made.
	if (old->object_count)
		memcpy(header.objects, old->objects,
		       old->object_count * sizeof(*old->objects));
	*ret = header;
	*ok_ret = true;
	return NULL;
}

uint64_t
graft_place_size(const struct graft_header *header)
{
	uint64_t size = header->len;

	for (uint32_t i = 0; i < header->region_count; i++)
		size += header->regions[i].len;
	return size;
}
