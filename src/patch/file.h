// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The `.graft` file: a hotpatch as bytes, and back.
 *
 * The format is drawn in docs/format-graft.md. It is canonical: a file that
 * decodes is, byte for byte, what graft_patch_encode() makes of the result.
 * Decoding is bounded (patch/limits.h) and trusts nothing; it says that a file
 * is well formed, not who made it. That is what the detached signature says.
 */

#ifndef GRAFT_PATCH_FILE_H
#define GRAFT_PATCH_FILE_H

#include "base/error.h"
#include "patch/patch.h"

#include <stddef.h>
#include <stdint.h>

enum {
	/** Bytes of a `.sig` file: an Ed25519 signature and nothing else. */
	GRAFT_PATCH_SIGNATURE_SIZE = 64,
	/** Bytes of an Ed25519 public key. */
	GRAFT_PATCH_PUBLIC_KEY_SIZE = 32,
};

/**
 * Make the bytes of a `.graft` file.
 *
 * @param[in,out] patch What it shall say; checked first. Gets its id.
 * @param[out] bytes_ret New buffer that the caller frees.
 * @param[out] len_ret Number of bytes.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if @p patch breaks a rule of
 * patch/patch.h; #GRAFT_ERROR_LIMIT; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_patch_encode(struct graft_patch *patch, uint8_t **bytes_ret,
		   size_t *len_ret);

/**
 * Read the bytes of a `.graft` file.
 *
 * @param[in] bytes Untrusted.
 * @param[in] len Number of bytes.
 * @param[out] ret New hotpatch; free with graft_patch_free().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT;
 * #GRAFT_ERROR_UNSUPPORTED if a newer graft made it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_patch_decode(const void *bytes, size_t len, struct graft_patch **ret);

/**
 * Write a `.graft` file: beside, synced, renamed. One with a part for the disk is packed
 * as one zstd frame where that is shorter.
 *
 * @param[in,out] patch As with graft_patch_encode().
 * @param[in] path Where; a file that is there is replaced.
 * @return NULL, or an error that names @p path; then nothing is changed.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_patch_write_file(struct graft_patch *patch, const char *path);

/**
 * Read a `.graft` file.
 *
 * @param[in] path Which.
 * @param[out] ret New hotpatch; free with graft_patch_free().
 * @return NULL, or what graft_patch_decode() or graft_file_read() say, with the
 * path in front.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_patch_read_file(const char *path, struct graft_patch **ret);

/**
 * Read the archive that a `.graft` file holds, unpacked if it is packed.
 *
 * @param[out] bytes_ret New buffer that the caller frees: for graft_patch_decode().
 * @return NULL; what graft_file_read() says; #GRAFT_ERROR_BAD_INPUT;
 * #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_patch_read_bytes(const char *path, uint8_t **bytes_ret, size_t *len_ret);

/**
 * Verify the detached signature of a `.graft` file.
 *
 * Signed is the manifest, and the manifest names everything else by hash. This
 * looks at the manifest alone: without graft_patch_decode() it says nothing of
 * the rest of the file.
 *
 * @param[in] bytes A `.graft` file, of @p len bytes.
 * @param[in] sig What the `.sig` file holds.
 * @param[in] sig_len Anything but #GRAFT_PATCH_SIGNATURE_SIZE is refused.
 * @param[in] public_key #GRAFT_PATCH_PUBLIC_KEY_SIZE bytes.
 * @return NULL if it verifies; #GRAFT_ERROR_BAD_SIGNATURE;
 * #GRAFT_ERROR_BAD_INPUT if there is no manifest; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_patch_verify_signature(const void *bytes, size_t len, const uint8_t *sig,
			     size_t sig_len, const uint8_t *public_key);

/**
 * Find the manifest in a `.graft` file: the bytes that are signed.
 *
 * @param[in] bytes A `.graft` file, of @p len bytes.
 * @param[out] ret Lent, inside @p bytes; no NUL behind it.
 * @param[out] len_ret Its length.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_patch_find_manifest(const void *bytes, size_t len, const char **ret,
			  size_t *len_ret);

/**
 * Make the hashes of an altered file right again. For tests and fuzzers only,
 * so that they get past them: tar checksums, the SHA-256 of each member and the
 * id are written in place. What cannot be read is left as it is.
 *
 * @param[in,out] bytes A `.graft` file, altered anyhow.
 */
void
graft_patch_seal(uint8_t *bytes, size_t len);

#endif /* GRAFT_PATCH_FILE_H */
