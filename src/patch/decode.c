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

static struct graft_error *
next_manifest(const uint8_t *bytes, size_t len, size_t *off,
	      struct graft_tar_member *ret)
{
	if (len > GRAFT_LIMIT_PATCH_BYTES)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%zu bytes are too many for a hotpatch",
				       len);
	struct graft_error *err = graft_tar_next(bytes, len, off, ret);
	if (err)
		return graft_error_prefix(err, "not a hotpatch");
	if (strcmp(ret->name, "manifest.json") != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "not a hotpatch: it does not start with "
				       "manifest.json");
	if (ret->len > GRAFT_LIMIT_MANIFEST_BYTES)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "manifest.json: %zu bytes", ret->len);
	return NULL;
}

struct graft_error *
graft_patch_find_manifest(const void *bytes, size_t len, const char **ret,
			  size_t *len_ret)
{
	struct graft_tar_member member;
	size_t off = 0;

	struct graft_error *err = next_manifest(bytes, len, &off, &member);
	if (err)
		return err;
	*ret = (const char *)member.bytes;
	*len_ret = member.len;
	return NULL;
}

// The ELF file (or skeleton) of a member whose hash is the one in the manifest.
// It is either inside the archive or, decompressed, in *owned.
static struct graft_error *
open_elf(const struct graft_tar_member *member, bool zstd,
	 const struct graft_manifest_elf *elf, uint8_t **owned,
	 const uint8_t **ret)
{
	const uint8_t *wanted = elf->delta ? elf->skeleton_sha256 : elf->sha256;
	uint8_t sha256[GRAFT_SHA256_LEN];
	struct graft_error *err;

	*ret = member->bytes;
	if (zstd) {
		err = graft_member_unpack(member->bytes, member->len, elf->size,
					  owned);
		if (err)
			return err;
		*ret = *owned;
	} else if (member->len != elf->size) {
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%zu bytes; the manifest says %llu",
				       member->len,
				       (unsigned long long)elf->size);
	}
	err = graft_sha256(*ret, elf->size, sha256);
	if (err)
		return err;
	if (memcmp(sha256, wanted, sizeof(sha256)) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "its SHA-256 is not the one in the "
				       "manifest");
	return NULL;
}

// A skeleton has zeroes where its code belongs.
static struct graft_error *
check_skeleton(const struct graft_patch_module *m)
{
	for (size_t i = 0; i < m->run_count; i++) {
		const struct graft_run *run = &m->runs[i];
		for (uint64_t k = 0; k < run->file_len; k++) {
			if (run->bytes[k])
				return graft_error_new(
					GRAFT_ERROR_BAD_INPUT,
					"a skeleton with code at 0x%llx",
					(unsigned long long)(run->new_addr +
							     k));
		}
	}
	return NULL;
}

static struct graft_error *
decode_module(const struct graft_tar_member *member, bool zstd,
	      const struct graft_manifest_elf *elf,
	      struct graft_patch_module *m)
{
	GRAFT_FREE uint8_t *owned = NULL;
	const uint8_t *bytes;

	// What depends on the code is checked when it is known.
	m->lacks_code = elf->delta;
	struct graft_error *err = open_elf(member, zstd, elf, &owned, &bytes);
	if (!err)
		err = graft_patch_module_decode(bytes, elf->size, m);
	if (err)
		return err;
	m->packed = malloc(member->len + 1);
	if (!m->packed)
		return graft_error_no_memory();
	memcpy(m->packed, member->bytes, member->len);
	m->packed_len = member->len;
	m->packed_zstd = zstd;
	return elf->delta ? check_skeleton(m) : NULL;
}

static struct graft_error *
decode_delta(const uint8_t *bytes, size_t len,
	     const struct graft_manifest_elf *elf, struct graft_patch_module *m)
{
	struct graft_error *err = graft_delta_check(m, bytes, len);
	if (err)
		return err;
	m->delta = malloc(len + 1);
	if (!m->delta)
		return graft_error_no_memory();
	memcpy(m->delta, bytes, len);
	m->delta_len = len;
	memcpy(m->elf_sha256, elf->sha256, sizeof(m->elf_sha256));
	memcpy(m->skeleton_sha256, elf->skeleton_sha256,
	       sizeof(m->skeleton_sha256));
	return NULL;
}

// A module made from the same files as an earlier one carries the same.
static struct graft_error *
same_module(struct graft_patch *patch, size_t first, size_t i,
	    const struct graft_manifest_elf *elfs)
{
	const struct graft_patch_module *from = &patch->modules[first];
	struct graft_patch_module *m = &patch->modules[i];
	struct graft_tar_member member = { .bytes = from->packed,
					   .len = from->packed_len };

	if (elfs[first].size != elfs[i].size ||
	    elfs[first].delta != elfs[i].delta ||
	    memcmp(elfs[first].sha256, elfs[i].sha256,
		   sizeof(elfs[i].sha256)) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s: the manifest says two things of "
				       "one file",
				       m->path);
	struct graft_error *err = decode_module(&member, from->packed_zstd,
						&elfs[i], m);
	if (!err && elfs[i].delta)
		err = decode_delta(from->delta, from->delta_len, &elfs[i], m);
	return err;
}

// The member behind a skeleton.
static struct graft_error *
next_delta(const uint8_t *bytes, size_t len, size_t *off,
	   struct graft_patch *patch, size_t i,
	   const struct graft_manifest_elf *elf)
{
	struct graft_tar_member member;
	char name[GRAFT_TAR_NAME_LEN];

	graft_manifest_delta_member(patch, i, name);
	struct graft_error *err = graft_tar_next(bytes, len, off, &member);
	if (!err && strcmp(member.name, name) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "another member where %s belongs", name);
	if (!err)
		err = decode_delta(member.bytes, member.len, elf,
				   &patch->modules[i]);
	return err ? graft_error_prefix(err, "%s", name) : NULL;
}

static struct graft_error *
next_module(const uint8_t *bytes, size_t len, size_t *off,
	    struct graft_patch *patch, size_t i,
	    const struct graft_manifest_elf *elfs)
{
	struct graft_patch_module *m = &patch->modules[i];
	struct graft_tar_member member;
	char name[GRAFT_TAR_NAME_LEN];

	if (m->verdict != GRAFT_VERDICT_HOTPATCH)
		return graft_patch_module_check(m);

	size_t first = graft_patch_module_first(patch, i);
	if (first != i)
		return same_module(patch, first, i, elfs);
	graft_manifest_member(patch, i, name);
	struct graft_error *err = graft_tar_next(bytes, len, off, &member);
	if (err)
		return graft_error_prefix(err, "%s", name);
	bool zstd = strcmp(member.name, name) != 0;
	strcat(name, GRAFT_MEMBER_SUFFIX);
	if (zstd && strcmp(member.name, name) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "another member where %s belongs", name);
	err = decode_module(&member, zstd, &elfs[i], m);
	if (err)
		return graft_error_prefix(err, "%s", member.name);
	return elfs[i].delta ? next_delta(bytes, len, off, patch, i, &elfs[i])
			     : NULL;
}

// The members of a part for the disk, behind those of the modules.
static struct graft_error *
next_disk(const uint8_t *bytes, size_t len, size_t *off, size_t i,
	  const struct graft_manifest_disks *disks, struct graft_disk **ret)
{
	char names[2][GRAFT_DISKS_MEMBER_LEN];
	struct graft_tar_member members[2];

	graft_disks_member(i, disks->count, names[0], names[1]);
	for (size_t k = 0; k < 2; k++) {
		struct graft_error *err = graft_tar_next(bytes, len, off,
							 &members[k]);
		if (!err && strcmp(members[k].name, names[k]) != 0)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"another member where %s belongs", names[k]);
		if (err)
			return graft_error_prefix(err, "%s", names[k]);
	}
	struct graft_error *err = graft_disk_decode(
		members[0].bytes, members[0].len, disks->items[i].size,
		disks->items[i].sha256, members[1].bytes, members[1].len, ret);
	return err && disks->count > 1
		       ? graft_error_prefix(err, "package %zu", i)
		       : err;
}

// All of them, packed together.
static struct graft_error *
next_joined(const uint8_t *bytes, size_t len, size_t *off,
	    const struct graft_manifest_disks *disks, struct graft_patch *patch)
{
	struct graft_tar_member member;

	struct graft_error *err = graft_tar_next(bytes, len, off, &member);
	if (!err && strcmp(member.name, GRAFT_JOINED_MEMBER) != 0)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "another member where it belongs");
	if (err)
		return graft_error_prefix(err, "%s", GRAFT_JOINED_MEMBER);
	return graft_joined_unpack(member.bytes, member.len, disks, patch);
}

static struct graft_error *
next_disks(const uint8_t *bytes, size_t len, size_t *off,
	   const struct graft_manifest_disks *disks, struct graft_patch *patch)
{
	struct graft_error *err = NULL;

	patch->disks = calloc(disks->count + 1, sizeof(*patch->disks));
	if (!patch->disks)
		return graft_error_no_memory();
	patch->disk_count = disks->count;
	if (disks->joined && disks->count)
		err = next_joined(bytes, len, off, disks, patch);
	for (size_t i = 0; !err && !disks->joined && i < disks->count; i++)
		err = next_disk(bytes, len, off, i, disks, &patch->disks[i]);
	return err ? err : graft_disks_check(patch->disks, disks->count);
}

struct graft_error *
graft_patch_decode(const void *bytes, size_t len, struct graft_patch **ret)
{
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	GRAFT_FREE struct graft_manifest_elf *elfs = NULL;
	GRAFT_CLEANUP(graft_manifest_disks_deinit)
	struct graft_manifest_disks disks = { 0 };
	struct graft_tar_member manifest;
	size_t off = 0;

	struct graft_error *err = next_manifest(bytes, len, &off, &manifest);
	if (err)
		return err;
	err = graft_manifest_decode((const char *)manifest.bytes, manifest.len,
				    &patch, &elfs, &disks);
	if (err)
		return graft_error_prefix(err, "manifest.json");

	uint64_t total = 0;
	for (size_t i = 0; i < patch->module_count; i++) {
		total += elfs[i].size;
		if (total > GRAFT_PATCH_ELF_MAX)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "manifest.json: the modules "
					       "together are too large");
	}
	for (size_t i = 0; !err && i < patch->module_count; i++)
		err = next_module(bytes, len, &off, patch, i, elfs);
	if (!err)
		err = next_disks(bytes, len, &off, &disks, patch);
	if (!err)
		err = graft_tar_check_end(bytes, len, off);
	bool behind = graft_patch_jumps_behind(patch);
	bool low = graft_patch_is_low(patch);
	bool other = disks.count > 0 || low;
	for (size_t i = 0; i < patch->module_count; i++)
		other |= patch->modules[i].object_count > 0 ||
			 patch->modules[i].immediate != GRAFT_IMMEDIATE_UNKNOWN;
	// Objects are of the same format, answers of one that may have either.
	if (!err && ((patch->is_low != low && !disks.joined) ||
		     (patch->jumps_behind != behind && (behind || !other))))
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "manifest.json: not the format that its "
				      "modules have");
	if (!err)
		err = graft_patch_check_immediate(patch);
	if (err)
		return err;
	patch->jumps_behind = behind;
	patch->is_low = low;
	*ret = GRAFT_TAKE(patch);
	return NULL;
}
