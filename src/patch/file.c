// SPDX-License-Identifier: Apache-2.0

#include "patch/file.h"

#include "base/file.h"
#include "base/limits.h"
#include "patch/limits.h"
#include "patch/prefix.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>
#include <zstd.h>

static const uint8_t zstd_magic[] = { 0x28, 0xb5, 0x2f, 0xfd };

// A small archive is half headers and zeroes, which is much beside small deltas.
static struct graft_error *
wrap(uint8_t **bytes, size_t *len)
{
	GRAFT_FREE uint8_t *frame = NULL;
	size_t frame_len;

	struct graft_error *err = graft_prefix_compress(*bytes, *len, NULL, 0,
							&frame, &frame_len);
	if (err || frame_len >= *len ||
	    *len / GRAFT_PATCH_RATIO_MAX > frame_len)
		return err;
	free(*bytes);
	*bytes = GRAFT_TAKE(frame);
	*len = frame_len;
	return NULL;
}

static struct graft_error *
unwrap(uint8_t **bytes, size_t *len)
{
	GRAFT_FREE uint8_t *archive = NULL;
	size_t end;

	if (*len < sizeof(zstd_magic) ||
	    memcmp(*bytes, zstd_magic, sizeof(zstd_magic)) != 0)
		return NULL;
	unsigned long long size = ZSTD_getFrameContentSize(*bytes, *len);
	if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "not a zstd frame that says its size");
	if (size > GRAFT_LIMIT_PATCH_BYTES ||
	    size / GRAFT_PATCH_RATIO_MAX > *len)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "a zstd frame of too many bytes for a "
				       "hotpatch");
	struct graft_error *err = graft_prefix_find_end(*bytes, *len, size,
							&end);
	if (!err && end != *len)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "something behind the frame");
	if (!err)
		err = graft_prefix_decompress(*bytes, *len, NULL, 0, size,
					      &archive);
	if (err)
		return err;
	free(*bytes);
	*bytes = GRAFT_TAKE(archive);
	*len = size;
	return NULL;
}

struct graft_error *
graft_patch_write_file(struct graft_patch *patch, const char *path)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	struct graft_error *err = graft_patch_encode(patch, &bytes, &len);
	if (!err && patch->disk_count)
		err = wrap(&bytes, &len);
	if (err)
		return graft_error_prefix(err, "%s", path);
	return graft_file_write(path, bytes, len, 0644);
}

struct graft_error *
graft_patch_read_bytes(const char *path, uint8_t **bytes_ret, size_t *len_ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	struct graft_error *err = graft_file_read(path, GRAFT_LIMIT_PATCH_BYTES,
						  &bytes, &len);
	if (err)
		return err;
	err = unwrap(&bytes, &len);
	if (err)
		return graft_error_prefix(err, "%s", path);
	*bytes_ret = GRAFT_TAKE(bytes);
	*len_ret = len;
	return NULL;
}

struct graft_error *
graft_patch_read_file(const char *path, struct graft_patch **ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	struct graft_error *err = graft_patch_read_bytes(path, &bytes, &len);
	if (err)
		return err;
	err = graft_patch_decode(bytes, len, ret);
	return err ? graft_error_prefix(err, "%s", path) : NULL;
}

struct graft_error *
graft_patch_verify_signature(const void *bytes, size_t len, const uint8_t *sig,
			     size_t sig_len, const uint8_t *public_key)
{
	static_assert(GRAFT_PATCH_SIGNATURE_SIZE == crypto_sign_BYTES &&
			      GRAFT_PATCH_PUBLIC_KEY_SIZE ==
				      crypto_sign_PUBLICKEYBYTES,
		      "Ed25519");
	const char *manifest;
	size_t manifest_len;

	struct graft_error *err =
		graft_patch_find_manifest(bytes, len, &manifest, &manifest_len);
	if (err)
		return err;
	if (sig_len != GRAFT_PATCH_SIGNATURE_SIZE)
		return graft_error_new(GRAFT_ERROR_BAD_SIGNATURE,
				       "a signature has %d bytes, not %zu",
				       (int)GRAFT_PATCH_SIGNATURE_SIZE,
				       sig_len);
	if (sodium_init() < 0)
		return graft_error_new(GRAFT_ERROR_LIBRARY, "libsodium");
	if (crypto_sign_verify_detached(sig, (const uint8_t *)manifest,
					manifest_len, public_key) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_SIGNATURE,
				       "the signature is not of this hotpatch "
				       "by this key");
	return NULL;
}
