// SPDX-License-Identifier: Apache-2.0

#include "plan/plan.h"

#include "patch/delta.h"
#include "plan/fill.h"
#include "plan/find.h"
#include "plan/live.h"
#include "plan/mismatch.h"
#include "plan/objects.h"
#include "plan/place.h"
#include "plan/predict.h"
#include "plan/replace.h"
#include "plan/scope.h"
#include "proc/hints.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/user.h>

static void
making_deinit(struct graft_making *making)
{
	graft_scope_free(making->scope);
	graft_headers_free(making->headers);
	graft_modules_free(making->modules);
	graft_maps_free(making->maps);
}

void
graft_plan_free(struct graft_plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->count; i++) {
		graft_header_deinit(&plan->modules[i].header);
		graft_shadow_deinit(&plan->modules[i].shadow);
	}
	free(plan->modules);
	graft_headers_free(plan->headers);
	graft_modules_free(plan->mapped);
	graft_maps_free(plan->maps);
	free(plan);
}

/** Find the module that was loaded from an OLD build (R-14, by build-id). */
GRAFT_MUST_CHECK static struct graft_error *
find_module(const struct graft_making *making,
	    const struct graft_patch_module *patch,
	    const struct graft_module **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < making->modules->count; i++) {
		const struct graft_module *module =
			&making->modules->modules[i];
		if (!graft_module_is(module, patch->old_build_id,
				     patch->old_build_id_len))
			continue;
		if (*ret)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"R-22: %s: the process has it twice (dlmopen), and either both or none would have to be hotpatched",
				module->map->path);
		*ret = module;
	}
	return NULL;
}

/**
 * Refuse a process that maps OLD where OLD has no build-id: it cannot be found again
 * later, and the others alone would be half of the hotpatch.
 */
GRAFT_MUST_CHECK static struct graft_error *
check_nameless(const struct graft_making *making,
	       const struct graft_patch_module *patch)
{
	for (size_t i = 0; i < making->modules->count; i++) {
		const struct graft_module *module =
			&making->modules->modules[i];
		const struct graft_image *image;
		if (patch->old_build_id_len || module->build_id_len ||
		    !module->map->inode)
			continue;
		struct graft_error *err = graft_builds_get(
			making->builds, graft_target_pid(making->target),
			module->map, &image);
		if (err)
			return graft_error_prefix(err, "R-14");
		if (memcmp(graft_image_sha256(image), patch->old_sha256,
			   GRAFT_PATCH_SHA256_SIZE) == 0)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"R-22: %s: the file has no build-id, by which a hotpatch is found in a process, and the other modules would go without it",
				module->map->path);
	}
	return NULL;
}

/** Refuse a module of which only the build-id is OLD's. */
GRAFT_MUST_CHECK static struct graft_error *
check_file(const struct graft_making *making,
	   const struct graft_patch_module *patch,
	   const struct graft_module *module, const struct graft_image **ret)
{
	struct graft_error *err = graft_builds_get(
		making->builds, graft_target_pid(making->target), module->map,
		ret);
	if (err)
		return graft_error_prefix(err, "R-14");
	if (memcmp(graft_image_sha256(*ret), patch->old_sha256,
		   GRAFT_PATCH_SHA256_SIZE) != 0)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-14: %s: the file has the build-id of the hotpatch's old build, but not its SHA-256",
			module->map->path);
	return NULL;
}

/** Refuse a module whose memory others share. */
GRAFT_MUST_CHECK static struct graft_error *
check_shared(const struct graft_making *making,
	     const struct graft_module *module)
{
	for (size_t i = 0; i < making->maps->count; i++) {
		const struct graft_map *map = &making->maps->maps[i];
		if (map->end <= module->start || map->start >= module->end)
			continue;
		if (map->shared)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"R-23: %s: other processes share its memory at 0x%llx",
				module->map->path,
				(unsigned long long)map->start);
	}
	return NULL;
}

/** Choose the place: that of an earlier time, or a new one. */
GRAFT_MUST_CHECK static struct graft_error *
choose_place(struct graft_making *making, const struct graft_module *module,
	     struct graft_plan_module *ret)
{
	const struct graft_patch *patch = making->patch;

	for (size_t i = 0; i < making->headers->count; i++) {
		const struct graft_header *old = making->headers->headers[i];
		enum graft_live live;
		// One that is `ready` came by fork(2), one that is `applied`
		// lost its jumps when the module was loaded anew.
		if (old->state == GRAFT_HEADER_BUILDING ||
		    old->base != module->base ||
		    strcmp(old->id, patch->id) != 0)
			continue;
		struct graft_error *err = graft_header_live(
			making->target, old, ret->replaced, &live);
		if (err)
			return err;
		// A page of the first format cannot say what was before it.
		if (live != GRAFT_LIVE_OLD ||
		    (ret->replaced && old->version == 1))
			continue;
		err = graft_place_reuse(old, patch->id, patch->title,
					ret->patch, module, making->maps,
					&ret->header, &ret->reuse);
		if (!err && ret->reuse)
			graft_replace_note(making, old, ret);
		if (err || ret->reuse)
			return err;
	}
	struct graft_error *err = graft_place_make(patch->id, patch->title,
						   ret->patch, module,
						   making->maps, &ret->header);
	if (err)
		return err;
	graft_replace_note(making, NULL, ret);
	graft_objects_find(making, ret);
	return NULL;
}

/** Fill in the code that the hotpatch has as a delta to the file (R-14 holds). */
GRAFT_MUST_CHECK static struct graft_error *
complete(struct graft_patch_module *patch, const struct graft_image *image)
{
	size_t len;
	const uint8_t *file = graft_image_file(image, &len);

	return graft_delta_complete(patch, graft_image_path(image), file, len);
}

/** Make the part of the plan for one module that the process maps. */
GRAFT_MUST_CHECK static struct graft_error *
plan_module(struct graft_making *making, const struct graft_module *module,
	    struct graft_patch_module *patch, struct graft_plan_module *ret)
{
	struct graft_error *err;
	struct graft_live_window window;
	struct graft_live_place place = {
		.target = making->target,
		.maps = making->maps,
		.modules = making->modules,
		.module = module,
		.window = &window,
	};

	window.len = 0;
	ret->patch = patch;
	err = graft_replace_find(making, module, &ret->replaced);
	if (err)
		return err;
	place.replaced = ret->replaced;
	err = check_file(making, patch, module, &place.image);
	if (err)
		return err;
	err = complete(patch, place.image);
	if (err)
		return err;
	err = graft_patch_module_check(patch);
	if (err)
		return err;
	err = check_shared(making, module);
	if (err)
		return err;
	err = graft_live_check_text(&place);
	if (err)
		return err;
	err = graft_live_check_patch(&place, ret->patch);
	if (err)
		return err;
	err = graft_live_check_slots(&place, ret->patch);
	if (err)
		return err;
	err = choose_place(making, module, ret);
	if (!err)
		err = graft_replace_check(ret);
	if (err)
		return err;
	err = graft_fill_shadow(making, module, ret);
	return err ? err : graft_fill_hook(making, ret);
}

/** The rule and sentence for which a module needs a restart. */
GRAFT_MUST_CHECK static struct graft_error *
refuse_baseline(const struct graft_patch_module *patch)
{
	for (size_t i = 0; i < patch->reason_count; i++) {
		const struct graft_reason *reason = &patch->reasons[i];
		if (!reason->note)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"R-22: %s: it needs a restart: %s: %s: %s",
				patch->path, reason->rule, reason->where,
				reason->text);
	}
	return graft_error_new(GRAFT_ERROR_REFUSED,
			       "R-22: %s: it needs a restart", patch->path);
}

/** Pretend that a planned shadow is mapped, so that the next avoids it. */
GRAFT_MUST_CHECK static struct graft_error *
reserve(struct graft_maps *maps, const struct graft_header *header)
{
	struct graft_map block = {
		.start = header->regions[0].addr,
		.end = header->addr + header->len,
		.path = "",
	};
	struct graft_map *bigger = reallocarray(maps->maps, maps->count + 1,
						sizeof(*maps->maps));
	if (bigger)
		maps->maps = bigger;
	if (!bigger)
		return graft_error_no_memory();
	size_t at = 0;
	while (at < maps->count && maps->maps[at].start < block.start)
		at++;
	memmove(&maps->maps[at + 1], &maps->maps[at],
		(maps->count - at) * sizeof(*maps->maps));
	maps->maps[at] = block;
	maps->count++;
	return NULL;
}

/** Go over the modules of the hotpatch (R-22: worst verdict of those mapped). */
GRAFT_MUST_CHECK static struct graft_error *
plan_modules(struct graft_making *making, struct graft_plan *plan)
{
	struct graft_error *err;
	const struct graft_patch *patch = making->patch;

	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_module *module;
		const struct graft_patch_module *from = &patch->modules[i];
		if (from->verdict == GRAFT_VERDICT_IDENTICAL)
			continue;
		err = find_module(making, from, &module);
		if (!err)
			err = check_nameless(making, from);
		if (err)
			return err;
		if (module && from->verdict == GRAFT_VERDICT_BASELINE)
			return refuse_baseline(from);
	}
	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_module *module;
		struct graft_patch_module *from = &patch->modules[i];
		if (from->verdict != GRAFT_VERDICT_HOTPATCH ||
		    graft_patch_module_first(patch, i) != i)
			continue;
		err = find_module(making, from, &module);
		if (err)
			return err;
		if (!module)
			continue;
		for (size_t k = 0; k < plan->count; k++) {
			if (plan->modules[k].header.base == module->base)
				return graft_error_new(
					GRAFT_ERROR_REFUSED,
					"R-22: %s: the hotpatch leads from this build to two others, %s and %s",
					module->map->path,
					plan->modules[k].patch->path,
					from->path);
		}
		struct graft_plan_module *to = &plan->modules[plan->count++];
		err = plan_module(making, module, from, to);
		if (err)
			return err;
		// Addresses in the module list point into the maps: they are
		// looked up again after the maps were changed.
		if (i + 1 < patch->module_count && !to->reuse) {
			making->reserved = true;
			err = reserve(making->maps, &to->header);
			if (err)
				return err;
			graft_scope_free(GRAFT_TAKE(making->scope));
			graft_modules_free(GRAFT_TAKE(making->modules));
			err = graft_modules_read(making->target, making->maps,
						 &making->modules);
			if (err)
				return err;
		}
	}
	return NULL;
}

struct graft_error *
graft_plan_check_space(const struct graft_plan *plan,
		       const struct graft_target *target)
{
	const struct graft_proc_status *status = graft_target_status(target);
	uint64_t more = 0;
	bool maps = false;

	for (size_t i = 0; i < plan->count; i++) {
		if (plan->modules[i].reuse)
			continue;
		more += graft_place_size(&plan->modules[i].header);
		maps = true;
	}
	if (!maps)
		return NULL;
	return status && graft_target_is_surveyed(target)
		       ? graft_predict_space(plan->pid, status, more)
		       : graft_predict(plan->pid, more);
}

struct graft_error *
graft_plan_check_memory(const struct graft_plan *plan,
			const struct graft_target *target)
{
	const struct graft_hints *hints = graft_target_hints(target);
	uint64_t bytes = 0;

	for (size_t i = 0; i < plan->count; i++) {
		const struct graft_header *header = &plan->modules[i].header;
		// After a fork, what is written of a shadow that is used again is
		// copied too. A jump makes one page of code private, or two.
		bytes += graft_place_size(header) +
			 (uint64_t)header->redirect_count * 2 * PAGE_SIZE;
	}
	return graft_predict_charge("", hints ? hints->groups : NULL,
				    graft_target_tid(target), bytes);
}

struct graft_error *
graft_plan_make(struct graft_target *target, struct graft_patch *patch,
		struct graft_builds *builds, struct graft_plan **ret)
{
	struct graft_error *err;
	GRAFT_CLEANUP(making_deinit)
	struct graft_making making = { .target = target,
				       .patch = patch,
				       .builds = builds };

	GRAFT_CLEANUP(graft_plan_freep)
	struct graft_plan *plan = calloc(1, sizeof(*plan));
	if (!plan)
		return graft_error_no_memory();
	plan->modules = calloc(patch->module_count + 1, sizeof(*plan->modules));
	if (!plan->modules)
		return graft_error_no_memory();
	plan->pid = graft_target_pid(target);
	plan->start_ticks = graft_target_start_ticks(target);
	(void)strncpy(plan->comm, graft_target_comm(target),
		      sizeof(plan->comm) - 1);
	plan->patch = patch;
	// Before anything else is read: what is read then is of this run, or of
	// a later one, which the apply finds out.
	err = graft_target_run(target, plan->run);
	if (err)
		return err;

	err = graft_maps_read(plan->pid, &making.maps);
	if (err)
		return err;
	err = graft_modules_read(target, making.maps, &making.modules);
	if (err)
		return err;
	err = graft_headers_find(target, making.maps, &making.headers);
	if (err)
		return err;
	err = plan_modules(&making, plan);
	if (err)
		return err;
	if (plan->count == 0)
		return graft_mismatch_say(making.modules, patch);
	err = graft_replace_check_all(&making, plan);
	if (err)
		return err;
	plan->headers = GRAFT_TAKE(making.headers);
	if (!making.reserved) {
		plan->maps = GRAFT_TAKE(making.maps);
		plan->mapped = GRAFT_TAKE(making.modules);
	}
	*ret = GRAFT_TAKE(plan);
	return NULL;
}

uint32_t
graft_plan_functions(const struct graft_plan *plan)
{
	uint32_t count = 0;

	for (size_t i = 0; i < plan->count; i++)
		count += plan->modules[i].header.redirect_count;
	return count;
}
