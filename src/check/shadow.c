// SPDX-License-Identifier: Apache-2.0

// The world of OLD with a hotpatch: runs of the shadow with their fixes, jumps over
// entries.

#include "check/lay.h"

#include "patch/patch.h"

#include <stdlib.h>
#include <string.h>

enum {
	PAGE = 4096,
	/** Between the last byte of OLD and the shadow. */
	GAP = 1 << 20,
};

/** Copy the code of OLD, so that jumps can be written into it. */
static struct graft_error *
copy_code(struct graft_world *world)
{
	for (size_t i = 0; i < world->range_count; i++) {
		struct graft_world_range *range = &world->ranges[i];
		uint8_t *bytes;
		if (range->area != GRAFT_WORLD_CODE || !range->bytes)
			continue;
		struct graft_error *err = graft_lay_own(world, range->size,
							&bytes);
		if (err)
			return err;
		memcpy(bytes, range->bytes, range->size);
		range->bytes = bytes;
	}
	return NULL;
}

/** Find bytes that this world owns and may write, or NULL. */
static uint8_t *
writable(const struct graft_world *world, uint64_t addr, uint64_t len)
{
	const struct graft_world_range *range = graft_world_range_at(world,
								     addr);

	if (!range || !range->bytes || range->size - (addr - range->addr) < len)
		return NULL;
	// Ranges of code and of the shadow were made by graft_lay_own() and add_run().
	return (uint8_t *)(uintptr_t)(range->bytes + (addr - range->addr));
}

static struct graft_error *
bad(const char *what, uint64_t addr, const char *why)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s at 0x%llx %s", what,
			       (unsigned long long)addr, why);
}

static struct graft_error *
write_rel32(uint8_t *at, int64_t distance, uint64_t addr)
{
	if (distance < INT32_MIN || distance > INT32_MAX)
		return bad("the displacement", addr, "does not reach");
	for (size_t i = 0; i < 4; i++)
		at[i] = (uint8_t)((uint64_t)distance >> (8 * i));
	return NULL;
}

/** Write an address of 32 bits, of which none is negative. */
static struct graft_error *
write_low(uint8_t *at, uint64_t target, uint64_t addr)
{
	if (target > INT32_MAX)
		return bad("the address", addr, "has no room");
	return write_rel32(at, (int64_t)target, addr);
}

/** Write the jump over the entry of one function. */
static struct graft_error *
write_jump(struct graft_world *world, const struct graft_redirect *redirect)
{
	static const uint8_t endbr[GRAFT_ENDBR_SIZE] = { 0xf3, 0x0f, 0x1e,
							 0xfa };
	uint64_t addr = redirect->old_addr + redirect->skip;
	uint8_t *at = writable(world, redirect->old_addr,
			       redirect->skip + GRAFT_JUMP_SIZE);

	if (!at || graft_world_area_at(world, addr) != GRAFT_WORLD_CODE)
		return bad("the redirect", redirect->old_addr,
			   "is not in the code of OLD");
	if (redirect->skip && !redirect->behind &&
	    memcmp(at, endbr, sizeof(endbr)) != 0)
		return bad("the redirect", redirect->old_addr,
			   "skips what is no endbr64");
	at += redirect->skip;
	if (memcmp(at, redirect->original, GRAFT_JUMP_SIZE) != 0)
		return bad("the redirect", redirect->old_addr,
			   "names other bytes than OLD has there");
	at[0] = 0xe9;
	return write_rel32(at + 1,
			   (int64_t)(world->shadow +
				     graft_redirect_target(redirect) - addr -
				     GRAFT_JUMP_SIZE),
			   addr);
}

/** How far a world moves an object that another hotpatch may have: behind all that
 * NEW has, and each by another distance. */
static uint64_t
moved_by(const struct graft_world *new_world,
	 const struct graft_patch_module *module,
	 const struct graft_object *object)
{
	const struct graft_world_range *last =
		&new_world->ranges[new_world->range_count - 1];
	uint64_t pages = (last->addr + last->size + GAP) / PAGE;

	return (pages + (uint64_t)(object - module->objects)) * PAGE;
}

/** Find the first object that ends behind an address, or NULL. */
static const struct graft_object *
object_behind(const struct graft_patch_module *module, uint64_t addr)
{
	for (size_t i = 0; i < module->object_count; i++) {
		const struct graft_object *object = &module->objects[i];
		if (addr < object->new_addr + object->size)
			return object;
	}
	return NULL;
}

/** Lead what names an object to where it is moved to. */
static struct graft_error *
move_refs(struct graft_world *world, const struct graft_object *object,
	  uint64_t distance)
{
	for (size_t i = 0; i < object->ref_count; i++) {
		uint8_t *at = writable(world, world->shadow + object->refs[i],
				       4);
		if (!at)
			return bad("the reference", object->refs[i],
				   "is in no run");
		uint32_t value = (uint32_t)at[0] | (uint32_t)at[1] << 8 |
				 (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
		struct graft_error *err = write_rel32(
			at, (int64_t)(int32_t)value + (int64_t)distance,
			object->refs[i]);
		if (err)
			return err;
	}
	return NULL;
}

/**
 * Lay one run: a range for each section of NEW that it has a part of.
 *
 * Objects that may be those of another hotpatch are laid elsewhere, as they would
 * be in a process that has it: nothing may lead to where they are in NEW.
 */
static struct graft_error *
add_run(struct graft_world *world, const struct graft_world *new_world,
	const struct graft_run *run)
{
	uint64_t end = run->new_addr + run->mem_len;
	uint8_t *bytes;
	struct graft_error *err = graft_lay_own(world, run->mem_len, &bytes);

	if (!err && run->file_len)
		memcpy(bytes, run->bytes, run->file_len);
	for (uint64_t at = run->new_addr; !err && at < end;) {
		const struct graft_world_range *range =
			graft_world_range_at(new_world, at);
		if (!range)
			return bad("the run", run->new_addr,
				   "leaves the sections of NEW");
		if ((range->area == GRAFT_WORLD_CODE) !=
			    !!(run->flags & GRAFT_RUN_EXEC) &&
		    range->area == GRAFT_WORLD_CODE)
			return bad("the run", run->new_addr,
				   "holds code and may not execute");
		if (range->area == GRAFT_WORLD_DATA &&
		    !(run->flags & GRAFT_RUN_WRITE))
			return bad("the run", run->new_addr,
				   "holds data and may not be written");
		const struct graft_object *object = object_behind(world->module,
								  at);
		uint64_t stop = range->addr + range->size;
		uint64_t to = world->shadow + at;
		stop = stop < end ? stop : end;
		if (object && at >= object->new_addr) {
			uint64_t last = object->new_addr + object->size;
			stop = stop < last ? stop : last;
			to += moved_by(new_world, world->module, object);
		} else if (object && object->new_addr < stop) {
			stop = object->new_addr;
		}
		err = graft_lay_range(world,
				      (struct graft_world_range){
					      to, stop - at,
					      bytes + (at - run->new_addr),
					      range->name, range->area });
		at = stop;
	}
	return err;
}

static struct graft_error *
make_fix(struct graft_world *world, const struct graft_fix *fix)
{
	uint64_t addr = world->shadow + fix->new_addr;
	uint8_t *at = writable(world, addr, graft_fix_size(fix->kind));
	struct graft_value value = { .kind = GRAFT_VALUE_ADDRESS,
				     .addr = (uint64_t)fix->value };

	if (!at)
		return bad("the fix", fix->new_addr, "is in no run");
	switch (fix->kind) {
	case GRAFT_FIX_REL32_OLD: {
		uint32_t old = (uint32_t)at[0] | (uint32_t)at[1] << 8 |
			       (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
		return write_rel32(at,
				   (int64_t)((uint64_t)(int32_t)old +
					     (uint64_t)fix->value -
					     world->shadow),
				   fix->new_addr);
	}
	case GRAFT_FIX_ABS32_OLD:
		return write_low(at, value.addr, fix->new_addr);
	case GRAFT_FIX_ABS32_NEW:
		return write_low(at, value.addr + world->shadow, fix->new_addr);
	case GRAFT_FIX_ABS64_NEW:
		value.addr += world->shadow;
		break;
	case GRAFT_FIX_COPY64_OLD: {
		const struct graft_reloc *reloc =
			graft_image_reloc_at(world->image, value.addr);
		value = reloc ? graft_lay_value(reloc)
			      : (struct graft_value){
					.kind = GRAFT_VALUE_OTHER
				};
		break;
	}
	case GRAFT_FIX_ABS64_OLD:
		break;
	}
	// In code it is a number, as in NEW.
	if (graft_world_area_at(world, addr) == GRAFT_WORLD_CODE) {
		for (size_t i = 0; i < 8; i++)
			at[i] = (uint8_t)(value.addr >> (8 * i));
		return NULL;
	}
	return graft_lay_slot(world, addr, value);
}

static int
by_slot_addr(const void *x, const void *y)
{
	const struct graft_world_slot *a = x;
	const struct graft_world_slot *b = y;

	return (a->addr > b->addr) - (a->addr < b->addr);
}

static int
by_range_addr(const void *x, const void *y)
{
	const struct graft_world_range *a = x;
	const struct graft_world_range *b = y;

	return (a->addr > b->addr) - (a->addr < b->addr);
}

/** Lay what the hotpatch brings. */
static struct graft_error *
lay_shadow(struct graft_world *world, const struct graft_patch_module *module,
	   const struct graft_world *new_world)
{
	struct graft_error *err = NULL;

	world->module = module;
	for (size_t i = 0; !err && i < module->run_count; i++)
		err = add_run(world, new_world, &module->runs[i]);
	if (!err && module->object_count)
		qsort(world->ranges, world->range_count, sizeof(*world->ranges),
		      by_range_addr);
	for (size_t i = 0; !err && i < module->object_count; i++)
		err = move_refs(
			world, &module->objects[i],
			moved_by(new_world, module, &module->objects[i]));
	size_t old_slots = world->slot_count;
	for (size_t i = 0; !err && i < module->fix_count; i++)
		err = make_fix(world, &module->fixes[i]);
	for (size_t i = 0; !err && i < module->import_count; i++) {
		const struct graft_import *import = &module->imports[i];
		err = graft_lay_slot(
			world, world->shadow + import->new_addr,
			(struct graft_value){ .kind = GRAFT_VALUE_SYMBOL,
					      .symbol = import->symbol,
					      .version = import->version,
					      .addend = import->addend });
	}
	if (!err && world->slot_count > old_slots)
		qsort(world->slots + old_slots, world->slot_count - old_slots,
		      sizeof(*world->slots), by_slot_addr);
	for (size_t i = 0; !err && i < module->redirect_count; i++)
		err = write_jump(world, &module->redirects[i]);
	return err;
}

struct graft_error *
graft_world_lay_old(const struct graft_image *old_image,
		    const struct graft_patch_module *module,
		    const struct graft_world *new_world,
		    struct graft_world *ret)
{
	uint64_t align = module && module->align > PAGE ? module->align : PAGE;
	struct graft_error *err;

	*ret = (struct graft_world){ .name = "OLD" };
	err = graft_lay_image(ret, old_image);
	if (!err)
		err = graft_world_find_starts(ret);
	if (err || !module)
		return err;
	const struct graft_world_range *last =
		&ret->ranges[ret->range_count ? ret->range_count - 1 : 0];
	uint64_t end = ret->range_count ? last->addr + last->size : 0;
	ret->shadow = (end + GAP + align - 1) / align * align;
	ret->shadow_image = new_world->image;
	ret->shadow_starts = &new_world->starts;
	err = copy_code(ret);
	return err ? err : lay_shadow(ret, module, new_world);
}
