// SPDX-License-Identifier: Apache-2.0

#include "patch/file.h"

#include "base/sha256.h"
#include "patch/limits.h"
#include "patch/manifest.h"
#include "patch/member.h"
#include "patch/module.h"
#include "patch/tar.h"

#include <string.h>

struct members {
	struct graft_member *items;
	size_t count;
};

static void
members_deinit(struct members *members)
{
	for (size_t i = 0; members->items && i < members->count; i++)
		free(members->items[i].bytes);
	free(members->items);
}

static struct graft_error *
encode_module(const struct graft_patch_module *m,
	      struct graft_manifest_elf *elf, struct graft_member *member)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	struct graft_error *err = graft_patch_module_encode(m, &bytes, &len);
	if (err)
		return err;
	err = graft_sha256(bytes, len, elf->sha256);
	if (err)
		return err;
	elf->size = len;
	return graft_member_pack(m, GRAFT_TAKE(bytes), len, member);
}

static struct graft_error *
encode_modules(const struct graft_patch *patch, struct graft_manifest_elf *elfs,
	       struct members *members)
{
	uint64_t total = 0;

	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_patch_module *m = &patch->modules[i];
		struct graft_error *err = graft_patch_module_check(m);
		if (!err && m->verdict == GRAFT_VERDICT_HOTPATCH)
			err = encode_module(m, &elfs[i], &members->items[i]);
		if (err)
			return err;
		size_t first = i;
		if (m->verdict == GRAFT_VERDICT_HOTPATCH)
			first = graft_patch_module_first(patch, i);
		if (memcmp(elfs[first].sha256, elfs[i].sha256,
			   sizeof(elfs[i].sha256)) != 0)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "%s: carries something else "
					       "than %s, which is the same "
					       "file",
					       m->path,
					       patch->modules[first].path);
		total += elfs[i].size;
		if (total > GRAFT_PATCH_ELF_MAX)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "the modules together are too "
					       "large");
	}
	return NULL;
}

struct graft_error *
graft_patch_encode(struct graft_patch *patch, uint8_t **bytes_ret,
		   size_t *len_ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text manifest = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	GRAFT_CLEANUP(members_deinit) struct members members = { 0 };
	GRAFT_FREE struct graft_manifest_elf *elfs = NULL;

	struct graft_error *err = graft_patch_check(patch);
	if (err)
		return err;
	elfs = calloc(patch->module_count + 1, sizeof(*elfs));
	members.items = calloc(patch->module_count + 1, sizeof(*members.items));
	if (!elfs || !members.items)
		return graft_error_no_memory();
	members.count = patch->module_count;
	err = encode_modules(patch, elfs, &members);
	if (!err)
		err = graft_manifest_encode(patch, elfs, &manifest);
	if (err)
		return err;

	graft_tar_put(&out, "manifest.json", manifest.str, manifest.len);
	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_member *member = &members.items[i];
		char name[GRAFT_TAR_NAME_LEN];
		if (patch->modules[i].verdict != GRAFT_VERDICT_HOTPATCH ||
		    graft_patch_module_first(patch, i) != i)
			continue;
		graft_manifest_member(patch, i, name);
		if (member->zstd)
			strcat(name, GRAFT_MEMBER_SUFFIX);
		graft_tar_put(&out, name, member->bytes, member->len);
	}
	graft_tar_put_end(&out);
	if (!out.failed && out.len > GRAFT_LIMIT_PATCH_BYTES)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "a hotpatch of %zu bytes", out.len);
	size_t len = out.len;
	char *bytes;
	err = graft_text_take(&out, &bytes);
	if (err)
		return err;
	*bytes_ret = (uint8_t *)bytes;
	*len_ret = len;
	return NULL;
}
