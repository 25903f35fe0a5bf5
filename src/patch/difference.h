// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A file as copies of another one that are nearly right, and what has to be added to them.
 *
 * When code moves, every displacement in it changes by the same few numbers, and no run of
 * bytes is the same for long. The difference of two such places is zeroes and, again and
 * again, those numbers: a compressor makes little of it (as bsdiff found).
 *
 * A difference is a run of bytes:
 *
 *     u  number of steps
 *        for each step (numbers as in patch/pack.h):
 *     u    how many bytes are copied from the old file
 *     u    how many new bytes follow
 *     s    where the old file goes on, from the end of what was copied
 *     what is added to the copied bytes, modulo 256, of all steps
 *     the new bytes of all steps
 */

#ifndef GRAFT_PATCH_DIFFERENCE_H
#define GRAFT_PATCH_DIFFERENCE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Make the new file of the old one.
 *
 * @param[in] bytes Untrusted: the difference, of @p len bytes.
 * @param[in] new_len How many bytes the new file has; no more memory is taken.
 * @param[out] ret New buffer of @p new_len bytes that the caller frees.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if it reaches out of the old file, or does not give
 * as many bytes.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_difference_apply(const uint8_t *bytes, size_t len, const uint8_t *old,
		       size_t old_len, size_t new_len, uint8_t **ret);

#endif /* GRAFT_PATCH_DIFFERENCE_H */
