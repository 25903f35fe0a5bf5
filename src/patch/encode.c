// SPDX-License-Identifier: Apache-2.0

#include "patch/file.h"

#include "base/sha256.h"
#include "patch/delta.h"
#include "patch/disks.h"
#include "patch/immediate.h"
#include "patch/joined.h"
#include "patch/limits.h"
#include "patch/manifest.h"
#include "patch/member.h"
#include "patch/module.h"
#include "patch/tar.h"

#include <string.h>

/** What is stored of one module. */
struct stored {
	struct graft_member elf;
	/** Lent by the module; NULL if it is stored whole. */
	const uint8_t *delta;
	size_t delta_len;
};

struct members {
	struct stored *items;
	size_t count;
};

static void
members_deinit(struct members *members)
{
	for (size_t i = 0; members->items && i < members->count; i++)
		free(members->items[i].elf.bytes);
	free(members->items);
}

// A module that lacks its code is its skeleton: of the rest it knows the hash.
static struct graft_error *
hash_lacking(const struct graft_patch_module *m, const uint8_t *bytes,
	     size_t len, struct graft_manifest_elf *elf)
{
	struct graft_error *err = graft_sha256(bytes, len,
					       elf->skeleton_sha256);
	if (err)
		return err;
	if (!m->delta || memcmp(elf->skeleton_sha256, m->skeleton_sha256,
				sizeof(m->skeleton_sha256)) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s: was changed without its code",
				       m->path);
	memcpy(elf->sha256, m->elf_sha256, sizeof(elf->sha256));
	elf->delta = true;
	return NULL;
}

// A complete module. Its delta counts as long as it gives this very file.
static struct graft_error *
hash_complete(const struct graft_patch_module *m, uint8_t *bytes, size_t len,
	      struct graft_manifest_elf *elf)
{
	struct graft_error *err = graft_sha256(bytes, len, elf->sha256);
	if (err || !m->delta ||
	    memcmp(elf->sha256, m->elf_sha256, sizeof(elf->sha256)) != 0)
		return err;
	graft_delta_blank(bytes);
	elf->delta = true;
	return graft_sha256(bytes, len, elf->skeleton_sha256);
}

static struct graft_error *
encode_module(const struct graft_patch_module *m,
	      struct graft_manifest_elf *elf, struct stored *stored)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	struct graft_error *err = graft_patch_module_encode(m, &bytes, &len);
	if (!err)
		err = m->lacks_code ? hash_lacking(m, bytes, len, elf)
				    : hash_complete(m, bytes, len, elf);
	if (err)
		return err;
	elf->size = len;
	if (elf->delta) {
		stored->delta = m->delta;
		stored->delta_len = m->delta_len;
	}
	return graft_member_pack(m, GRAFT_TAKE(bytes), len, &stored->elf);
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
		// They share what the first one stores.
		elfs[i] = elfs[first];
		total += elfs[i].size;
		if (total > GRAFT_PATCH_ELF_MAX)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "the modules together are too "
					       "large");
	}
	return NULL;
}

static void
put_module(const struct graft_patch *patch, size_t i,
	   const struct stored *stored, struct graft_text *out)
{
	char name[GRAFT_TAR_NAME_LEN];

	graft_manifest_member(patch, i, name);
	if (stored->elf.zstd)
		strcat(name, GRAFT_MEMBER_SUFFIX);
	graft_tar_put(out, name, stored->elf.bytes, stored->elf.len);
	if (!stored->delta)
		return;
	graft_manifest_delta_member(patch, i, name);
	graft_tar_put(out, name, stored->delta, stored->delta_len);
}

static void
put_disk(const struct graft_patch *patch, size_t i, struct graft_text *out)
{
	const struct graft_disk *disk = patch->disks[i];
	char index[GRAFT_DISKS_MEMBER_LEN];
	char data[GRAFT_DISKS_MEMBER_LEN];

	graft_disks_member(i, patch->disk_count, index, data);
	graft_tar_put(out, index, disk->index, disk->index_len);
	graft_tar_put(out, data, disk->data, disk->data_len);
}

// What the manifest says of the parts for the disk.
static struct graft_error *
list_disks(const struct graft_patch *patch, struct graft_manifest_disks *disks)
{
	uint64_t total = 0;

	disks->items = calloc(patch->disk_count + 1, sizeof(*disks->items));
	if (!disks->items)
		return graft_error_no_memory();
	disks->count = patch->disk_count;
	disks->joined = patch->disk_count && patch->disks[0]->joined;
	for (size_t i = 0; i < patch->disk_count; i++) {
		const struct graft_disk *disk = patch->disks[i];
		disks->items[i].size = disk->index_size;
		memcpy(disks->items[i].sha256, disk->index_sha256,
		       sizeof(disks->items[i].sha256));
		total += disk->index_size;
	}
	if (total > GRAFT_LIMIT_MANIFEST_BYTES)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "the packages have too many paths");
	return graft_disks_check(patch->disks, patch->disk_count);
}

struct graft_error *
graft_patch_encode(struct graft_patch *patch, uint8_t **bytes_ret,
		   size_t *len_ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text manifest = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	GRAFT_CLEANUP(members_deinit) struct members members = { 0 };
	GRAFT_FREE struct graft_manifest_elf *elfs = NULL;
	GRAFT_CLEANUP(graft_manifest_disks_deinit)
	struct graft_manifest_disks disks = { 0 };

	struct graft_error *err = graft_patch_check(patch);
	if (!err)
		err = graft_patch_check_immediate(patch);
	if (err)
		return err;
	elfs = calloc(patch->module_count + 1, sizeof(*elfs));
	members.items = calloc(patch->module_count + 1, sizeof(*members.items));
	if (!elfs || !members.items)
		return graft_error_no_memory();
	members.count = patch->module_count;
	patch->jumps_behind = graft_patch_jumps_behind(patch);
	patch->is_low = graft_patch_is_low(patch);
	err = list_disks(patch, &disks);
	if (!err && disks.joined)
		err = graft_joined_pack(patch);
	if (!err)
		err = encode_modules(patch, elfs, &members);
	if (!err)
		err = graft_manifest_encode(patch, elfs, &disks, &manifest);
	if (err)
		return err;

	graft_tar_put(&out, "manifest.json", manifest.str, manifest.len);
	for (size_t i = 0; i < patch->module_count; i++) {
		if (patch->modules[i].verdict == GRAFT_VERDICT_HOTPATCH &&
		    graft_patch_module_first(patch, i) == i)
			put_module(patch, i, &members.items[i], &out);
	}
	for (size_t i = 0; !disks.joined && i < patch->disk_count; i++)
		put_disk(patch, i, &out);
	if (disks.joined)
		graft_tar_put(&out, GRAFT_JOINED_MEMBER, patch->joined,
			      patch->joined_len);
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
