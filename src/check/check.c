// SPDX-License-Identifier: Apache-2.0

#include "check/check.h"

#include "check/walk.h"
#include "patch/patch.h"

#include <string.h>

void
graft_check_result_deinit(struct graft_check_result *result)
{
	free(result->difference);
	for (size_t i = 0; i < result->exception_count; i++)
		free(result->exceptions[i]);
	free(result->exceptions);
	*result = (struct graft_check_result){ 0 };
}

static void
deinit(struct graft_walk *walk)
{
	graft_world_deinit(&walk->old_world);
	graft_world_deinit(&walk->new_world);
	free(walk->funcs);
	free(walk->blocks);
	graft_joint_map_deinit(&walk->seen);
	graft_joint_map_deinit(&walk->entries);
	graft_joint_map_deinit(&walk->extents);
	graft_joint_map_deinit(&walk->old_taken);
	graft_joint_map_deinit(&walk->new_taken);
	graft_joint_map_deinit(&walk->constant_index);
	graft_joint_map_deinit(&walk->object_index);
	graft_joint_map_deinit(&walk->near_index);
	free(walk->constants.refs);
	free(walk->objects.refs);
	free(walk->ends.refs);
	free(walk->left);
	free(walk->old_reached);
	free(walk->new_reached);
}

/** Are these the files that the hotpatch was made from? */
static struct graft_error *
check_files(const struct graft_image *old_image,
	    const struct graft_image *new_image,
	    const struct graft_patch_module *module)
{
	if (memcmp(graft_image_sha256(old_image), module->old_sha256,
		   GRAFT_SHA256_SIZE) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s is not the OLD that the hotpatch "
				       "was made from (SHA-256)",
				       graft_image_path(old_image));
	if (memcmp(graft_image_sha256(new_image), module->new_sha256,
		   GRAFT_SHA256_SIZE) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s is not the NEW that the hotpatch "
				       "was made from (SHA-256)",
				       graft_image_path(new_image));
	return NULL;
}

static struct graft_error *
open_walk(const struct graft_image *old_image,
	  const struct graft_image *new_image,
	  const struct graft_patch_module *module, struct graft_walk *walk)
{
	struct graft_error *err;
	size_t old_count;
	size_t new_count;

	if (ZYAN_FAILED(ZydisDecoderInit(&walk->decoder,
					 ZYDIS_MACHINE_MODE_LONG_64,
					 ZYDIS_STACK_WIDTH_64)))
		return graft_error_new(GRAFT_ERROR_LIBRARY, "Zydis");
	(void)graft_image_extents(old_image, &old_count);
	(void)graft_image_extents(new_image, &new_count);
	walk->old_reached = calloc(old_count + 1, sizeof(bool));
	walk->new_reached = calloc(new_count + 1, sizeof(bool));
	if (!walk->old_reached || !walk->new_reached)
		return graft_error_no_memory();
	err = graft_world_lay_new(new_image, &walk->new_world);
	if (!err)
		err = graft_left_read(walk, module);
	return err ? err
		   : graft_world_lay_old(
			     old_image,
			     module->verdict == GRAFT_VERDICT_HOTPATCH ? module
								       : NULL,
			     &walk->new_world, &walk->old_world);
}

/** Is an FDE that of a function, and not of the stubs of the PLT? */
static bool
is_function(const struct graft_image *image, const struct graft_extent *extent)
{
	const struct graft_section *section =
		graft_image_section_at(image, extent->addr);

	return section && strncmp(section->name, ".plt", 4) != 0;
}

static bool
is_replaced(const struct graft_patch_module *module,
	    const struct graft_extent *extent)
{
	for (size_t i = 0; i < module->fragment_count; i++) {
		const struct graft_fragment *f = &module->fragments[i];
		if (extent->addr < f->old_addr + f->size &&
		    f->old_addr < extent->addr + extent->size)
			return true;
	}
	return false;
}

static bool
is_carried(const struct graft_patch_module *module,
	   const struct graft_extent *extent)
{
	for (size_t i = 0; i < module->carried_count; i++) {
		const struct graft_carried *c = &module->carried[i];
		if (extent->addr < c->new_addr + c->size &&
		    c->new_addr < extent->addr + extent->size)
			return true;
	}
	return false;
}

/** Count what was not reached: of that, nothing was proven. */
static void
count_unreached(const struct graft_walk *walk,
		const struct graft_patch_module *module)
{
	struct graft_check_result *result = walk->result;
	size_t count;
	const struct graft_extent *all =
		graft_image_extents(walk->old_world.image, &count);

	for (size_t i = 0; i < count; i++) {
		if (!is_function(walk->old_world.image, &all[i]) ||
		    is_replaced(module, &all[i]))
			continue;
		result->old_total++;
		result->old_unreached += !walk->old_reached[i];
	}
	all = graft_image_extents(walk->new_world.image, &count);
	for (size_t i = 0; i < count; i++) {
		if (!is_function(walk->new_world.image, &all[i]))
			continue;
		bool carried = is_carried(module, &all[i]);
		result->new_total++;
		result->new_unreached += !walk->new_reached[i];
		result->carried_total += carried;
		result->carried_unreached += carried && !walk->new_reached[i];
	}
}

struct graft_error *
graft_check(const struct graft_image *old_image,
	    const struct graft_image *new_image,
	    const struct graft_patch_module *module,
	    const struct graft_check_options *options,
	    struct graft_check_result *ret)
{
	GRAFT_CLEANUP(graft_check_result_deinit)
	struct graft_check_result result = { 0 };
	GRAFT_CLEANUP(deinit)
	struct graft_walk walk = { .options = options, .result = &result };
	struct graft_error *err = check_files(old_image, new_image, module);

	if (!err)
		err = open_walk(old_image, new_image, module, &walk);
	if (!err)
		err = graft_walk_roots(&walk);
	if (!err)
		err = graft_walk_run(&walk);
	if (err && graft_error_code(err) != GRAFT_ERROR_DIFFERENT)
		return err;
	result.same = !err;
	graft_error_free(err);
	count_unreached(&walk, module);
	*ret = result;
	result = (struct graft_check_result){ 0 };
	return NULL;
}
