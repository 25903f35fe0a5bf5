// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * One zstd frame of bytes that are like others: a delta.
 *
 * The others stand before the bytes as their prefix, so that matches reach back into
 * them; `zstd --patch-from` writes and reads the same.
 */

#ifndef GRAFT_PATCH_PREFIX_H
#define GRAFT_PATCH_PREFIX_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Compress bytes behind a prefix.
 *
 * @param[in] bytes What is compressed, of @p len bytes.
 * @param[in] old The prefix, of @p old_len bytes; 0 of them: none.
 * @param[out] ret New frame, which states its content size; the caller frees it.
 * @param[out] len_ret Its length.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_prefix_compress(const uint8_t *bytes, size_t len, const uint8_t *old,
		      size_t old_len, uint8_t **ret, size_t *len_ret);

/**
 * Get the bytes of a frame.
 *
 * @param[in] frame Untrusted, of @p frame_len bytes.
 * @param[in] old The prefix, of @p old_len bytes.
 * @param[in] len How many bytes it must give. No more memory is taken, whatever window the
 * frame names.
 * @param[out] ret New buffer of @p len bytes that the caller frees.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_prefix_decompress(const uint8_t *frame, size_t frame_len,
			const uint8_t *old, size_t old_len, size_t len,
			uint8_t **ret);

/**
 * Find the end of a frame that must hold so many bytes.
 *
 * @param[in] bytes Untrusted, of @p len bytes: a frame, and anything behind it.
 * @param[in] content How many bytes it must say that it holds.
 * @param[out] ret Length of the frame, at most @p len.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_prefix_find_end(const uint8_t *bytes, size_t len, uint64_t content,
		      size_t *ret);

#endif /* GRAFT_PATCH_PREFIX_H */
