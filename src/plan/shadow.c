// SPDX-License-Identifier: Apache-2.0

#include "plan/shadow.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	PAGE = 4096,
};

/** Most bytes of one run: what a jump can reach. */
static const uint64_t run_max = INT32_MAX;

void
graft_shadow_deinit(struct graft_shadow *shadow)
{
	if (!shadow)
		return;
	for (size_t i = 0; i < shadow->count; i++)
		free(shadow->pieces[i].bytes);
	free(shadow->pieces);
	*shadow = (struct graft_shadow){ 0 };
}

static uint32_t
run_prot(const struct graft_run *run)
{
	uint32_t prot = PROT_READ;

	if (run->flags & GRAFT_RUN_WRITE)
		prot |= PROT_WRITE;
	if (run->flags & GRAFT_RUN_EXEC)
		prot |= PROT_EXEC;
	return prot;
}

static uint64_t
load_le(const uint8_t *at, size_t len)
{
	uint64_t value = 0;
	for (size_t i = 0; i < len; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

static void
store_le(uint8_t *at, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

/** Find the bytes of a field of @p len bytes at @p new_addr, or NULL. */
static uint8_t *
field(const struct graft_patch_module *module, struct graft_shadow *shadow,
      uint64_t new_addr, uint64_t len)
{
	const struct graft_run *run = graft_patch_run_at(module, new_addr);
	uint64_t off = run ? new_addr - run->new_addr : 0;

	if (!run || run->mem_len - off < len)
		return NULL;
	struct graft_shadow_piece *piece = &shadow->pieces[run - module->runs];
	if (piece->len < off + len)
		piece->len = off + len;
	return piece->bytes + off;
}

GRAFT_MUST_CHECK static struct graft_error *
outside(const char *what, uint64_t new_addr)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "%s at 0x%llx is outside of the runs", what,
			       (unsigned long long)new_addr);
}

/** Write an address that has to be the same signed and unsigned. */
GRAFT_MUST_CHECK static struct graft_error *
store_low(uint8_t *at, uint64_t addr, uint64_t new_addr)
{
	if (addr > INT32_MAX)
		return graft_error_new(
			GRAFT_ERROR_NO_SPACE_NEARBY,
			"the address at 0x%llx has no room for what is not below 2 GiB",
			(unsigned long long)new_addr);
	store_le(at, addr, 4);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
fix(uint8_t *at, const struct graft_fix *how,
    const struct graft_shadow_place *place, uint64_t copy)
{
	uint64_t value = (uint64_t)how->value;
	int64_t wide;

	switch (how->kind) {
	case GRAFT_FIX_ABS64_OLD:
		store_le(at, place->old_base + value, 8);
		return NULL;
	case GRAFT_FIX_ABS64_NEW:
		store_le(at, place->shadow_base + value, 8);
		return NULL;
	case GRAFT_FIX_COPY64_OLD:
		store_le(at, copy, 8);
		return NULL;
	case GRAFT_FIX_ABS32_OLD:
		return store_low(at, place->old_base + value, how->new_addr);
	case GRAFT_FIX_ABS32_NEW:
		return store_low(at, place->shadow_base + value, how->new_addr);
	case GRAFT_FIX_REL32_OLD:
		wide = (int32_t)(uint32_t)load_le(at, 4);
		wide = (int64_t)((uint64_t)wide + value + place->old_base -
				 place->shadow_base);
		if (wide < INT32_MIN || wide > INT32_MAX)
			return graft_error_new(
				GRAFT_ERROR_NO_SPACE_NEARBY,
				"the reference at 0x%llx does not reach the old module",
				(unsigned long long)how->new_addr);
		store_le(at, (uint64_t)wide, 4);
		return NULL;
	}
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "fix at 0x%llx is of unknown kind %d",
			       (unsigned long long)how->new_addr, how->kind);
}

/** Make one piece per run, with the bytes of the file and zeroes behind. */
GRAFT_MUST_CHECK static struct graft_error *
copy_runs(const struct graft_patch_module *module, uint64_t shadow_base,
	  struct graft_shadow *shadow)
{
	shadow->pieces = calloc(module->run_count + 1, sizeof(*shadow->pieces));
	if (!shadow->pieces)
		return graft_error_no_memory();
	for (size_t i = 0; i < module->run_count; i++) {
		const struct graft_run *run = &module->runs[i];
		if (run->file_len > run->mem_len || run->mem_len > run_max)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"run at 0x%llx lies about its size",
				(unsigned long long)run->new_addr);
		uint8_t *bytes = calloc(1, run->mem_len + 1);
		if (!bytes)
			return graft_error_no_memory();
		if (run->file_len)
			memcpy(bytes, run->bytes, run->file_len);
		shadow->pieces[shadow->count++] = (struct graft_shadow_piece){
			.addr = shadow_base + run->new_addr,
			.bytes = bytes,
			.len = run->file_len,
			.prot = run_prot(run),
		};
	}
	return NULL;
}

/** Lead what names an object to where it is. */
GRAFT_MUST_CHECK static struct graft_error *
fix_object(const struct graft_patch_module *module, struct graft_shadow *shadow,
	   const struct graft_object *object, uint64_t distance)
{
	for (size_t i = 0; distance && i < object->ref_count; i++) {
		uint8_t *at = field(module, shadow, object->refs[i], 4);
		if (!at)
			return outside("reference", object->refs[i]);
		int64_t wide = (int32_t)(uint32_t)load_le(at, 4);
		wide = (int64_t)((uint64_t)wide + distance);
		if (wide < INT32_MIN || wide > INT32_MAX)
			return graft_error_new(
				GRAFT_ERROR_NO_SPACE_NEARBY,
				"the reference at 0x%llx does not reach the variable of another hotpatch",
				(unsigned long long)object->refs[i]);
		store_le(at, (uint64_t)wide, 4);
	}
	return NULL;
}

struct graft_error *
graft_shadow_fill(const struct graft_patch_module *module,
		  const struct graft_shadow_place *place,
		  struct graft_shadow *ret)
{
	struct graft_error *err;
	GRAFT_CLEANUP(graft_shadow_deinit) struct graft_shadow shadow = { 0 };

	err = copy_runs(module, place->shadow_base, &shadow);
	if (err)
		return err;
	for (size_t i = 0; i < module->fix_count; i++) {
		const struct graft_fix *how = &module->fixes[i];
		size_t len = graft_fix_size(how->kind);
		uint8_t *at = field(module, &shadow, how->new_addr, len);
		if (!at)
			return outside("fix", how->new_addr);
		err = fix(at, how, place, place->copies ? place->copies[i] : 0);
		if (err)
			return err;
	}
	for (size_t i = 0; i < module->import_count; i++) {
		uint64_t addr = module->imports[i].new_addr;
		uint8_t *at = field(module, &shadow, addr, 8);
		if (!at)
			return outside("import slot", addr);
		store_le(at, place->imports[i], 8);
	}
	for (size_t i = 0; place->objects && i < module->object_count; i++) {
		const struct graft_object *object = &module->objects[i];
		err = fix_object(module, &shadow, object,
				 place->objects[i].addr - (place->shadow_base +
							   object->new_addr));
		if (err)
			return err;
	}
	*ret = shadow;
	shadow = (struct graft_shadow){ 0 };
	return NULL;
}

struct graft_error *
graft_shadow_regions(const struct graft_patch_module *module,
		     uint64_t shadow_base, struct graft_header_region **ret,
		     uint32_t *count_ret)
{
	uint32_t count = 0;
	GRAFT_FREE struct graft_header_region *regions =
		calloc(module->run_count + 1, sizeof(*regions));
	if (!regions)
		return graft_error_no_memory();

	for (size_t i = 0; i < module->run_count; i++) {
		const struct graft_run *run = &module->runs[i];
		struct graft_header_region *last = count ? &regions[count - 1]
							 : NULL;
		uint64_t start = run->new_addr + shadow_base;
		uint64_t end = start + run->mem_len + (PAGE - 1);
		bool wraps = run->mem_len == 0 || run->mem_len > run_max ||
			     end < start;

		start -= start % PAGE;
		end -= end % PAGE;
		if (wraps || (last && start < last->addr))
			return outside("run", run->new_addr);
		if (last && start <= last->addr + last->len &&
		    last->prot == run_prot(run)) {
			if (end > last->addr + last->len)
				last->len = end - last->addr;
			continue;
		}
		if (last && start < last->addr + last->len)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"the run at 0x%llx shares a page with one of another protection",
				(unsigned long long)run->new_addr);
		regions[count++] = (struct graft_header_region){
			.addr = start,
			.len = end - start,
			.prot = run_prot(run),
		};
	}
	*ret = GRAFT_TAKE(regions);
	*count_ret = count;
	return NULL;
}
