// SPDX-License-Identifier: Apache-2.0

#include "plan/fill.h"

#include "plan/hook.h"
#include "plan/unwinder.h"

#include <stdlib.h>

GRAFT_MUST_CHECK static struct graft_error *
bind_imports(struct graft_making *making,
	     const struct graft_patch_module *patch,
	     const struct graft_module *module, uint64_t *values)
{
	struct graft_error *err;

	if (patch->import_count && !making->scope) {
		err = graft_scope_read(making->target, making->maps,
				       making->modules, making->builds,
				       &making->scope);
		if (err)
			return err;
	}
	for (size_t i = 0; i < patch->import_count; i++) {
		err = graft_scope_bind(making->scope, module,
				       &patch->imports[i], &values[i]);
		if (err)
			return err;
	}
	return NULL;
}

/** Read the slots of OLD that new ones are copies of. */
GRAFT_MUST_CHECK static struct graft_error *
read_copies(struct graft_making *making, const struct graft_patch_module *patch,
	    const struct graft_module *module, uint64_t *values)
{
	for (size_t i = 0; i < patch->fix_count; i++) {
		const struct graft_fix *fix = &patch->fixes[i];
		uint64_t addr = module->base + (uint64_t)fix->value;
		if (fix->kind != GRAFT_FIX_COPY64_OLD)
			continue;
		if (addr < module->start || addr > module->end - 8)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"the slot that is copied to 0x%llx is outside of the module",
				(unsigned long long)fix->new_addr);
		struct graft_error *err =
			graft_target_read(making->target, addr, &values[i], 8);
		if (err)
			return err;
	}
	return NULL;
}

struct graft_error *
graft_fill_shadow(struct graft_making *making,
		  const struct graft_module *module,
		  struct graft_plan_module *ret)
{
	struct graft_error *err;
	const struct graft_patch_module *patch = ret->patch;
	GRAFT_FREE uint64_t *imports = calloc(patch->import_count + 1,
					      sizeof(*imports));
	GRAFT_FREE uint64_t *copies = calloc(patch->fix_count + 1,
					     sizeof(*copies));
	if (!imports || !copies)
		return graft_error_no_memory();

	err = bind_imports(making, patch, module, imports);
	if (err)
		return err;
	err = read_copies(making, patch, module, copies);
	if (err)
		return err;
	struct graft_shadow_place place = {
		.old_base = module->base,
		.shadow_base = ret->header.shadow_base,
		.imports = imports,
		.copies = copies,
		.objects = ret->header.object_count ? ret->header.objects
						    : NULL,
	};
	return graft_shadow_fill(patch, &place, &ret->shadow);
}

struct graft_error *
graft_fill_hook(struct graft_making *making, struct graft_plan_module *ret)
{
	struct graft_error *err;
	const struct graft_header *header = &ret->header;
	struct graft_hook hook = { 0 };
	struct graft_hook old = { 0 };
	bool there = false;

	if (!ret->patch->frames_len)
		return NULL;
	err = graft_unwinder_find(making->target, making->maps, making->modules,
				  making->builds, &hook.unwinder);
	if (err)
		return err;
	hook.addr = header->regions[header->region_count - 1].addr;
	hook.next = hook.unwinder.function;
	// One that is linked since an earlier time goes on to ask what it asks.
	if (ret->reuse)
		err = graft_hook_find(making->target, header, &old, &there);
	if (err)
		return err;
	if (there)
		hook.next = old.next;
	// There is room for one more piece than runs.
	err = graft_hook_make(ret->patch, header->shadow_base, &hook,
			      &ret->shadow.pieces[ret->shadow.count]);
	if (!err)
		ret->shadow.count++;
	return err;
}
