// SPDX-License-Identifier: Apache-2.0

#include "cmd/old.h"

#include "base/cleanup.h"
#include "cmd/side.h"
#include "patch/delta.h"
#include "patch/patch.h"

struct graft_error *
graft_old_read(const struct graft_side *side,
	       const struct graft_patch_module *module, const char **name_ret,
	       uint8_t **bytes_ret, size_t *len_ret)
{
	const struct graft_tree *tree;
	const struct graft_tree_file *file =
		graft_side_find(side, module->old_sha256, &tree);

	*name_ret = file ? file->path : NULL;
	*bytes_ret = NULL;
	*len_ret = 0;
	return file ? graft_tree_read(tree, file, bytes_ret, len_ret) : NULL;
}

struct graft_error *
graft_old_complete(const struct graft_side *side, struct graft_patch *patch)
{
	for (size_t i = 0; i < patch->module_count; i++) {
		struct graft_patch_module *module = &patch->modules[i];
		GRAFT_FREE uint8_t *bytes = NULL;
		const char *name;
		size_t len;

		if (!module->lacks_code)
			continue;
		struct graft_error *err = graft_old_read(side, module, &name,
							 &bytes, &len);
		if (!err && bytes)
			err = graft_delta_complete(module, name, bytes, len);
		if (err)
			return err;
	}
	return NULL;
}

size_t
graft_old_lacking(const struct graft_patch *patch)
{
	size_t count = 0;

	for (size_t i = 0; i < patch->module_count; i++)
		count += patch->modules[i].lacks_code;
	return count;
}
