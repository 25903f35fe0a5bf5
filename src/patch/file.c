// SPDX-License-Identifier: Apache-2.0

#include "patch/file.h"

#include "base/file.h"
#include "base/limits.h"

#include <assert.h>
#include <sodium.h>

struct graft_error *
graft_patch_write_file(struct graft_patch *patch, const char *path)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	struct graft_error *err = graft_patch_encode(patch, &bytes, &len);
	if (err)
		return graft_error_prefix(err, "%s", path);
	return graft_file_write(path, bytes, len, 0644);
}

struct graft_error *
graft_patch_read_file(const char *path, struct graft_patch **ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	struct graft_error *err = graft_file_read(path, GRAFT_LIMIT_PATCH_BYTES,
						  &bytes, &len);
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
