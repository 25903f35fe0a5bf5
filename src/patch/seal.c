// SPDX-License-Identifier: Apache-2.0

#include "base/hex.h"
#include "base/sha256.h"
#include "patch/disks.h"
#include "patch/file.h"
#include "patch/joined.h"
#include "patch/limits.h"
#include "patch/manifest.h"
#include "patch/member.h"
#include "patch/prefix.h"
#include "patch/tar.h"

#include <stdio.h>
#include <string.h>
#include <zstd.h>

// Unlike the decoder this walks over anything that has the outline of an
// archive, and leaves alone what has not.

/** A member, to be written to. */
struct piece {
	char name[GRAFT_TAR_NAME_LEN];
	uint8_t *bytes;
	size_t len;
};

static bool
next_piece(uint8_t *bytes, size_t len, size_t *off, struct piece *ret)
{
	if (*off > len || len - *off < GRAFT_TAR_BLOCK || !bytes[*off])
		return false;
	uint8_t *header = bytes + *off;
	graft_tar_seal(header);

	uint64_t size = 0;
	for (size_t i = 124; i < 135; i++) {
		if (header[i] < '0' || header[i] > '7')
			return false;
		size = size << 3 | (uint64_t)(header[i] - '0');
	}
	uint64_t rounded = (size + GRAFT_TAR_BLOCK - 1) &
			   ~(uint64_t)(GRAFT_TAR_BLOCK - 1);
	if (rounded > len - *off - GRAFT_TAR_BLOCK)
		return false;
	memcpy(ret->name, header, sizeof(ret->name) - 1);
	ret->name[sizeof(ret->name) - 1] = '\0';
	ret->bytes = header + GRAFT_TAR_BLOCK;
	ret->len = size;
	*off += GRAFT_TAR_BLOCK + rounded;
	return true;
}

static void
discard(struct graft_error *err)
{
	graft_error_free(err);
}

// Hash of the ELF file in a member; false if it cannot be decompressed.
static bool
hash_piece(const struct piece *piece, uint8_t ret[GRAFT_SHA256_LEN])
{
	GRAFT_FREE uint8_t *owned = NULL;
	const uint8_t *bytes = piece->bytes;
	size_t len = piece->len;
	struct graft_error *err;
	const char *suffix = strrchr(piece->name, '.');

	if (suffix && strcmp(suffix, GRAFT_MEMBER_SUFFIX) == 0) {
		uint64_t size = ZSTD_getFrameContentSize(bytes, len);
		if (size > (uint64_t)1 << 24)
			return false;
		err = graft_member_unpack(bytes, len, size, &owned);
		if (err) {
			discard(err);
			return false;
		}
		bytes = owned;
		len = size;
	}
	err = graft_sha256(bytes, len, ret);
	discard(err);
	return !err;
}

// Write a hash over the value of a key, at most @p within bytes behind @p at.
static bool
write_hash(const struct piece *manifest, uint8_t *at, size_t within,
	   const char *key, const uint8_t sha256[GRAFT_SHA256_LEN])
{
	char digits[2 * GRAFT_SHA256_LEN + 1];
	size_t left = manifest->len - (size_t)(at - manifest->bytes);

	uint8_t *value = memmem(at, within < left ? within : left, key,
				strlen(key));
	if (!value)
		return false;
	value += strlen(key);
	left = manifest->len - (size_t)(value - manifest->bytes);
	if (left < sizeof(digits) - 1)
		return false;
	graft_hex_encode(sha256, GRAFT_SHA256_LEN, digits);
	memcpy(value, digits, sizeof(digits) - 1);
	return true;
}

// What the manifest says of a part for the disk, behind `"size":`; NULL: nothing. Of several
// they are in their order, and whether there are several only the manifest says.
static uint8_t *
find_index(const struct piece *manifest, size_t number)
{
	static const char one[] = "\"disk\":{";
	static const char several[] = "\"disks\":[";
	static const char size[] = "\"size\":";
	const uint8_t *end = manifest->bytes + manifest->len;
	uint8_t *at = memmem(manifest->bytes, manifest->len, one,
			     sizeof(one) - 1);

	if (!at)
		at = memmem(manifest->bytes, manifest->len, several,
			    sizeof(several) - 1);
	for (size_t i = 0; at && i <= number; i++) {
		at = memmem(at, (size_t)(end - at), size, sizeof(size) - 1);
		if (at)
			at += sizeof(size) - 1;
	}
	return at;
}

static void
seal_index(const struct piece *manifest, const struct piece *piece,
	   size_t number)
{
	uint8_t sha256[GRAFT_SHA256_LEN];
	uint8_t *at = find_index(manifest, number);

	if (at && hash_piece(piece, sha256))
		(void)write_hash(manifest, at, SIZE_MAX, "\"sha256\":\"",
				 sha256);
}

// The indexes of parts that are packed together stand first, one behind the other.
static void
seal_joined(const struct piece *manifest, const struct piece *piece)
{
	const uint64_t size = ZSTD_getFrameContentSize(piece->bytes,
						       piece->len);
	GRAFT_FREE uint8_t *all = NULL;
	uint8_t sha256[GRAFT_SHA256_LEN];
	uint8_t *at;
	uint64_t off = 0;

	if (size > (uint64_t)1 << 24)
		return;
	struct graft_error *err = graft_prefix_decompress(
		piece->bytes, piece->len, NULL, 0, size, &all);
	for (size_t i = 0; !err && (at = find_index(manifest, i)); i++) {
		uint64_t len = 0;
		for (uint8_t *digit = at;
		     *digit >= '0' && *digit <= '9' && len < size; digit++)
			len = len * 10 + (uint64_t)(*digit - '0');
		// Behind the last come sizes of other things.
		if (i >= GRAFT_PATCH_DISKS_MAX || len > size - off)
			break;
		err = graft_sha256(all + off, len, sha256);
		if (!err)
			(void)write_hash(manifest, at, GRAFT_TAR_NAME_LEN,
					 "\"sha256\":\"", sha256);
		off += len;
	}
	discard(err);
}

// An index by its name; false: it is another member.
static bool
is_index(const char *name, size_t *number_ret)
{
	char index[GRAFT_DISKS_MEMBER_LEN];
	char data[GRAFT_DISKS_MEMBER_LEN];

	*number_ret = 0;
	if (sscanf(name, "disk/%3zu/", number_ret) == 1)
		graft_disks_member(*number_ret, 2, index, data);
	else
		graft_disks_member(0, 1, index, data);
	return strcmp(name, index) == 0;
}

static void
seal_piece(const struct piece *manifest, const struct piece *piece)
{
	char key[GRAFT_TAR_NAME_LEN + 16];
	uint8_t sha256[GRAFT_SHA256_LEN];

	size_t number;
	if (strcmp(piece->name, GRAFT_JOINED_MEMBER) == 0) {
		seal_joined(manifest, piece);
		return;
	}
	if (is_index(piece->name, &number)) {
		seal_index(manifest, piece, number);
		return;
	}

	char *suffix = strstr(piece->name, ".elf");
	int len = suffix ? (int)(suffix - piece->name) : 0;
	(void)snprintf(key, sizeof(key), "\"member\":\"%.*s.elf\"", len,
		       piece->name);
	uint8_t *at = memmem(manifest->bytes, manifest->len, key, strlen(key));
	if (!at || !hash_piece(piece, sha256))
		return;
	// The member of a module whose code is a delta is its skeleton; what
	// the complete file would be is not known here.
	const uint8_t *end =
		memchr(at, '}', manifest->len - (size_t)(at - manifest->bytes));
	size_t within = end ? (size_t)(end - at) : 0;
	if (!write_hash(manifest, at, within, "\"skeleton_sha256\":\"", sha256))
		(void)write_hash(manifest, at, SIZE_MAX, "\"sha256\":\"",
				 sha256);
}

void
graft_patch_seal(uint8_t *bytes, size_t len)
{
	struct piece manifest;
	struct piece piece;
	size_t off = 0;

	if (!next_piece(bytes, len, &off, &manifest))
		return;
	while (next_piece(bytes, len, &off, &piece))
		seal_piece(&manifest, &piece);

	char id[GRAFT_PATCH_ID_LEN + 1];
	if (manifest.len < GRAFT_MANIFEST_ID_OFF + GRAFT_PATCH_ID_LEN)
		return;
	struct graft_error *err = graft_manifest_id(
		(const char *)manifest.bytes, manifest.len, id);
	if (!err)
		memcpy(manifest.bytes + GRAFT_MANIFEST_ID_OFF, id,
		       GRAFT_PATCH_ID_LEN);
	discard(err);
}
