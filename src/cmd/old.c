// SPDX-License-Identifier: Apache-2.0

#include "cmd/old.h"

#include "base/cleanup.h"
#include "diff/input/tree.h"
#include "patch/delta.h"
#include "patch/patch.h"

#include <string.h>

const struct graft_tree_file *
graft_old_find(const struct graft_tree *tree,
	       const struct graft_patch_module *module)
{
	for (size_t i = 0; i < tree->file_count; i++) {
		const struct graft_tree_file *file = &tree->files[i];
		if (file->elf && memcmp(file->sha256, module->old_sha256,
					sizeof(file->sha256)) == 0)
			return file;
	}
	return NULL;
}

struct graft_error *
graft_old_read(const struct graft_tree *tree,
	       const struct graft_patch_module *module, const char **name_ret,
	       uint8_t **bytes_ret, size_t *len_ret)
{
	const struct graft_tree_file *file = graft_old_find(tree, module);

	*name_ret = file ? file->path : NULL;
	*bytes_ret = NULL;
	*len_ret = 0;
	return file ? graft_tree_read(tree, file, bytes_ret, len_ret) : NULL;
}

struct graft_error *
graft_old_complete(const struct graft_tree *tree, struct graft_patch *patch)
{
	for (size_t i = 0; i < patch->module_count; i++) {
		struct graft_patch_module *module = &patch->modules[i];
		GRAFT_FREE uint8_t *bytes = NULL;
		const char *name;
		size_t len;

		if (!module->lacks_code)
			continue;
		struct graft_error *err = graft_old_read(tree, module, &name,
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
