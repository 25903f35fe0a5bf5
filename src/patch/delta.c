// SPDX-License-Identifier: Apache-2.0

#include "patch/delta.h"

#include "base/sha256.h"
#include "patch/limits.h"
#include "patch/map_common.h"
#include "patch/member.h"
#include "patch/module.h"
#include "patch/prefix.h"
#include "patch/tar.h"

#include <elf.h>
#include <string.h>
#include <zstd.h>

/** Count the bytes that a module's runs have in the file: what a delta holds. */
static uint64_t
size_of(const struct graft_patch_module *m)
{
	uint64_t size = 0;

	for (size_t i = 0; i < m->run_count; i++)
		size += m->runs[i].file_len;
	return size;
}

// Write bytes into the sections of the runs, in their order, or zeroes.
static void
fill(uint8_t *elf, const uint8_t *bytes)
{
	Elf64_Ehdr header;
	Elf64_Shdr section;

	memcpy(&header, elf, sizeof(header));
	for (size_t i = 0; i < header.e_shnum; i++) {
		memcpy(&section, elf + header.e_shoff + i * sizeof(section),
		       sizeof(section));
		if (section.sh_type != SHT_PROGBITS ||
		    !(section.sh_flags & SHF_ALLOC))
			continue;
		if (bytes) {
			memcpy(elf + section.sh_offset, bytes, section.sh_size);
			bytes += section.sh_size;
		} else {
			memset(elf + section.sh_offset, 0, section.sh_size);
		}
	}
}

void
graft_delta_blank(uint8_t *elf)
{
	fill(elf, NULL);
}

// The bytes of all runs, one behind the other.
static struct graft_error *
gather(const struct graft_patch_module *m, uint8_t **ret)
{
	uint8_t *at = malloc(size_of(m) + 1);

	*ret = at;
	if (!at)
		return graft_error_no_memory();
	for (size_t i = 0; i < m->run_count; i++) {
		const struct graft_run *run = &m->runs[i];
		if (run->file_len > 0)
			memcpy(at, run->bytes, run->file_len);
		at += run->file_len;
	}
	return NULL;
}

static struct graft_error *
check_old(const struct graft_patch_module *m, const uint8_t *old, size_t len)
{
	uint8_t sha256[GRAFT_SHA256_LEN];
	struct graft_error *err = graft_sha256(old, len, sha256);

	if (err)
		return err;
	if (memcmp(sha256, m->old_sha256, sizeof(sha256)) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "not the old build of %s: its SHA-256 "
				       "is another",
				       m->path);
	return NULL;
}

struct graft_error *
graft_delta_check(const struct graft_patch_module *m, const uint8_t *bytes,
		  size_t len)
{
	const uint64_t size = size_of(m);

	if (size == 0 || ZSTD_getFrameContentSize(bytes, len) != size ||
	    ZSTD_findFrameCompressedSize(bytes, len) != len)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "not one zstd frame of the %llu bytes "
				       "that the runs have",
				       (unsigned long long)size);
	if (size / GRAFT_PATCH_RATIO_MAX > len)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%zu bytes that decompress to %llu", len,
				       (unsigned long long)size);
	return NULL;
}

// Whether the skeleton says where it is silent. The bytes that a jump overwrites
// are not in a map if NEW holds the same there; in a skeleton both are zero, so
// zeroes that are in the map, beside other bytes of NEW, would be lost.
static bool
has_skeleton(const struct graft_patch_module *m)
{
	static const uint8_t zeroes[GRAFT_JUMP_SIZE];

	for (size_t i = 0; i < m->redirect_count; i++) {
		const struct graft_redirect *r = &m->redirects[i];
		const uint8_t *code = graft_map_code(m, r->new_addr + r->skip);
		if (code && memcmp(r->original, zeroes, sizeof(zeroes)) == 0 &&
		    memcmp(code, zeroes, sizeof(zeroes)) != 0)
			return false;
	}
	return true;
}

// How many bytes the module takes whole; its ELF file is left in *elf.
static struct graft_error *
encode_whole(const struct graft_patch_module *m, uint8_t **elf, size_t *len,
	     size_t *packed_len)
{
	struct graft_error *err = graft_patch_module_encode(m, elf, len);
	if (err)
		return err;
	struct graft_member member = { 0 };
	GRAFT_FREE uint8_t *copy = malloc(*len + 1);
	if (!copy)
		return graft_error_no_memory();
	memcpy(copy, *elf, *len);
	err = graft_member_pack(m, GRAFT_TAKE(copy), *len, &member);
	free(member.bytes);
	*packed_len = member.len;
	return err;
}

// How many bytes an ELF file takes as a member; it becomes its skeleton.
static struct graft_error *
encode_skeleton(const struct graft_patch_module *m, uint8_t *elf, size_t len,
		uint8_t sha256[GRAFT_SHA256_LEN], size_t *packed_len)
{
	GRAFT_FREE uint8_t *owned = elf;
	struct graft_member member = { 0 };

	graft_delta_blank(owned);
	struct graft_error *err = graft_sha256(owned, len, sha256);
	if (!err)
		err = graft_member_pack(m, GRAFT_TAKE(owned), len, &member);
	free(member.bytes);
	*packed_len = member.len;
	return err;
}

struct graft_error *
graft_delta_make(struct graft_patch_module *m, const uint8_t *old, size_t len)
{
	uint8_t elf_sha256[GRAFT_SHA256_LEN];
	uint8_t skeleton_sha256[GRAFT_SHA256_LEN];
	GRAFT_FREE uint8_t *elf = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	GRAFT_FREE uint8_t *delta = NULL;
	size_t elf_len;
	size_t whole;
	size_t skeleton;
	size_t delta_len;

	if (m->lacks_code)
		return NULL;
	struct graft_error *err = check_old(m, old, len);
	if (!err)
		err = graft_patch_module_check(m);
	if (err || size_of(m) == 0 || !has_skeleton(m))
		return err;
	err = encode_whole(m, &elf, &elf_len, &whole);
	if (!err)
		err = graft_sha256(elf, elf_len, elf_sha256);
	if (!err)
		err = encode_skeleton(m, GRAFT_TAKE(elf), elf_len,
				      skeleton_sha256, &skeleton);
	if (!err)
		err = gather(m, &bytes);
	if (!err)
		err = graft_prefix_compress(bytes, size_of(m), old, len, &delta,
					    &delta_len);
	if (err)
		return err;
	if (skeleton + GRAFT_TAR_BLOCK + delta_len >= whole ||
	    size_of(m) / GRAFT_PATCH_RATIO_MAX > delta_len)
		return NULL;
	free(m->delta);
	m->delta = GRAFT_TAKE(delta);
	m->delta_len = delta_len;
	memcpy(m->elf_sha256, elf_sha256, sizeof(elf_sha256));
	memcpy(m->skeleton_sha256, skeleton_sha256, sizeof(skeleton_sha256));
	return NULL;
}

// The ELF file that a skeleton and its delta give, and its hash.
static struct graft_error *
join(const struct graft_patch_module *m, const uint8_t *old, size_t old_len,
     uint8_t **ret, size_t *len_ret, uint8_t sha256[GRAFT_SHA256_LEN])
{
	GRAFT_FREE uint8_t *bytes = NULL;

	struct graft_error *err = graft_prefix_decompress(
		m->delta, m->delta_len, old, old_len, size_of(m), &bytes);
	if (!err)
		err = graft_patch_module_encode(m, ret, len_ret);
	if (err)
		return err;
	fill(*ret, bytes);
	return graft_sha256(*ret, *len_ret, sha256);
}

// The complete ELF file of a module that lacks its code.
static struct graft_error *
restore(const struct graft_patch_module *m, const uint8_t *old, size_t old_len,
	uint8_t **ret, size_t *len_ret)
{
	uint8_t sha256[GRAFT_SHA256_LEN];
	GRAFT_FREE uint8_t *elf = NULL;
	size_t len;

	struct graft_error *err = join(m, old, old_len, &elf, &len, sha256);
	if (err)
		return err;
	if (memcmp(sha256, m->elf_sha256, sizeof(sha256)) != 0)
		return graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"delta: the code that it gives has "
			"another SHA-256 than the manifest says");
	*ret = GRAFT_TAKE(elf);
	*len_ret = len;
	return NULL;
}

struct graft_error *
graft_delta_complete(struct graft_patch_module *m, const char *name,
		     const uint8_t *old, size_t len)
{
	GRAFT_FREE uint8_t *elf = NULL;
	size_t elf_len;

	if (!m->lacks_code)
		return NULL;
	struct graft_error *err = check_old(m, old, len);
	if (err)
		return graft_error_prefix(err, "%s", name);
	err = restore(m, old, len, &elf, &elf_len);
	if (err)
		return graft_error_prefix(err, "%s", m->path);

	// Read anew, with all checks: the bytes are known only now.
	struct graft_patch_module whole = *m;
	graft_patch_module_forget(&whole);
	whole.lacks_code = false;
	err = graft_patch_module_decode(elf, elf_len, &whole);
	if (err) {
		graft_patch_module_clear(&whole);
		return graft_error_prefix(err, "%s", m->path);
	}
	graft_patch_module_clear(m);
	*m = whole;
	return NULL;
}

void
graft_delta_seal(struct graft_patch_module *m, const uint8_t *old, size_t len)
{
	uint8_t sha256[GRAFT_SHA256_LEN];
	GRAFT_FREE uint8_t *elf = NULL;
	size_t elf_len;

	struct graft_error *err = graft_sha256(old, len, m->old_sha256);
	if (!err)
		err = join(m, old, len, &elf, &elf_len, sha256);
	if (!err)
		memcpy(m->elf_sha256, sha256, sizeof(sha256));
	graft_error_free(err);
}
