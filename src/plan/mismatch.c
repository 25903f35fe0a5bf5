// SPDX-License-Identifier: Apache-2.0

#include "plan/mismatch.h"

#include "base/hex.h"

#include <stdbool.h>
#include <string.h>

enum {
	HEX_SIZE = 2 * GRAFT_PATCH_BUILD_ID_MAX + 1,
};

static const char *
name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/** Say whether a file is called like one of a hotpatch: libx.so.1 is, and libx.so.1.2. */
static bool
is_called(const char *path, const struct graft_patch_module *patch)
{
	const char *name = name_of(path);
	size_t len = patch->soname ? strlen(patch->soname) : 0;

	return strcmp(name, name_of(patch->path)) == 0 ||
	       (len && strncmp(name, patch->soname, len) == 0 &&
		(name[len] == '\0' || name[len] == '.' || name[len] == ' '));
}

/** Find the first module that is called like one of a hotpatch, and is not OLD. */
static const struct graft_module *
find(const struct graft_modules *modules, const struct graft_patch *patch,
     const struct graft_patch_module **patch_ret)
{
	for (size_t i = 0; i < modules->count; i++) {
		const struct graft_module *module = &modules->modules[i];
		for (size_t k = 0; k < patch->module_count; k++) {
			*patch_ret = &patch->modules[k];
			if (is_called(module->map->path, *patch_ret) &&
			    !graft_module_is(module, (*patch_ret)->old_build_id,
					     (*patch_ret)->old_build_id_len))
				return module;
		}
	}
	return NULL;
}

struct graft_error *
graft_mismatch_say(const struct graft_modules *modules,
		   const struct graft_patch *patch)
{
	const struct graft_patch_module *wanted = NULL;
	const struct graft_module *module = find(modules, patch, &wanted);
	char has[HEX_SIZE];
	char old[HEX_SIZE];

	if (!module)
		return graft_error_new(
			GRAFT_ERROR_BUILD_ID_MISMATCH,
			"R-14: it maps no module of this hotpatch's old builds");
	graft_hex_encode(module->build_id, module->build_id_len, has);
	graft_hex_encode(wanted->old_build_id, wanted->old_build_id_len, old);
	if (graft_module_is(module, wanted->new_build_id,
			    wanted->new_build_id_len))
		return graft_error_new(
			GRAFT_ERROR_BUILD_ID_MISMATCH,
			"R-14: it maps no module of this hotpatch's old builds: %s has build-id %s, which is the new build",
			module->map->path, has);
	return graft_error_new(
		GRAFT_ERROR_BUILD_ID_MISMATCH,
		"R-14: it maps no module of this hotpatch's old builds: %s has %s%s, and the hotpatch is for %s%s",
		module->map->path, *has ? "build-id " : "no build-id", has,
		*old ? "build-id " : "one without", old);
}
