// SPDX-License-Identifier: Apache-2.0

#include "cmd/against.h"

#include "base/cleanup.h"
#include "check/check.h"
#include "cmd/side.h"
#include "elf/image.h"
#include "patch/patch.h"

#include <stdio.h>
#include <string.h>

/** Open the build with a given hash. @param[out] version_ret Of its package; or NULL. */
static struct graft_error *
open_build(const struct graft_side *side, const uint8_t *sha256,
	   const char *path, const char *which, const char **version_ret,
	   struct graft_image **ret)
{
	const struct graft_tree *tree;
	const struct graft_tree_file *file = graft_side_find(side, sha256,
							     &tree);
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = 0;

	if (!file)
		return graft_error_new(
			GRAFT_ERROR_NOT_FOUND,
			"%s: holds no file that is the %s of %s, which "
			"the hotpatch was made from (SHA-256)",
			side->name, which, path);
	struct graft_error *err = graft_tree_read(tree, file, &bytes, &len);
	if (err)
		return err;
	if (tree->version)
		*version_ret = tree->version;
	return graft_image_open_bytes(
		tree->kind == GRAFT_TREE_FILE ? tree->name : file->path, bytes,
		len, NULL, ret);
}

/** Get a package's version as its programs print it: without the epoch. */
static const char *
printed_version(const char *version)
{
	const char *colon = version ? strchr(version, ':') : NULL;

	return colon ? colon + 1 : version;
}

/** Print what was proven of a module. */
static void
print(const struct graft_patch_module *module,
      const struct graft_check_result *result)
{
	(void)printf("%s: %s\n", module->path,
		     result->same ? "the same" : "DIFFERENT");
	if (!result->same)
		(void)printf("%s", result->difference);
	(void)printf("  walked %llu pairs of functions, %llu instructions; "
		     "%llu constants, %llu bytes\n",
		     (unsigned long long)result->functions,
		     (unsigned long long)result->instructions,
		     (unsigned long long)result->constants,
		     (unsigned long long)result->constant_bytes);
	(void)printf("  paired %llu objects, %llu bytes, %llu ends; "
		     "%llu slots of the loader\n",
		     (unsigned long long)result->objects,
		     (unsigned long long)result->object_bytes,
		     (unsigned long long)result->ends,
		     (unsigned long long)result->slots);
	(void)printf("  not reached, so nothing is said of them: %llu of %llu "
		     "functions of OLD, %llu of %llu of NEW, %llu of %llu "
		     "carried\n",
		     (unsigned long long)result->old_unreached,
		     (unsigned long long)result->old_total,
		     (unsigned long long)result->new_unreached,
		     (unsigned long long)result->new_total,
		     (unsigned long long)result->carried_unreached,
		     (unsigned long long)result->carried_total);
	(void)printf("  exceptions: %zu\n", result->exception_count);
	for (size_t i = 0; i < result->exception_count; i++)
		(void)printf("    %s\n", result->exceptions[i]);
}

/** Check one module; it is no `baseline`. */
static struct graft_error *
check_module(const struct graft_side *old_side,
	     const struct graft_side *new_side, const struct graft_patch *patch,
	     const struct graft_patch_module *module, bool *same_ret)
{
	const char *old_version = patch->old_version;
	const char *new_version = patch->new_version;
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *old_image = NULL;
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *new_image = NULL;
	GRAFT_CLEANUP(graft_check_result_deinit)
	struct graft_check_result result = { 0 };
	struct graft_error *err;

	err = open_build(old_side, module->old_sha256, module->path, "OLD",
			 &old_version, &old_image);
	if (!err)
		err = open_build(new_side, module->new_sha256, module->path,
				 "NEW", &new_version, &new_image);
	if (err)
		return err;
	struct graft_check_options options = { printed_version(old_version),
					       printed_version(new_version) };
	err = graft_check(old_image, new_image, module, &options, &result);
	if (err)
		return err;
	print(module, &result);
	*same_ret = result.same;
	return NULL;
}

struct graft_error *
graft_against_check(const struct graft_side *old_side,
		    const struct graft_side *new_side,
		    const struct graft_patch *patch)
{
	size_t different = 0;

	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_patch_module *module = &patch->modules[i];
		struct graft_error *err;
		bool same = true;

		if (module->verdict == GRAFT_VERDICT_BASELINE) {
			(void)printf("%s: baseline, nothing to check\n",
				     module->path);
			continue;
		}
		if (memcmp(module->old_sha256, module->new_sha256,
			   sizeof(module->old_sha256)) == 0)
			continue;
		err = check_module(old_side, new_side, patch, module, &same);
		if (err)
			return graft_error_prefix(err, "%s", module->path);
		different += !same;
	}
	if (different)
		return graft_error_new(GRAFT_ERROR_DIFFERENT,
				       "%zu of %zu modules with the hotpatch "
				       "are not what NEW is",
				       different, patch->module_count);
	return NULL;
}
