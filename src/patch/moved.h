// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A file as copies of another one whose addresses are moved along.
 *
 * When code moves, displacements in it change everywhere. Where each piece of the old file
 * has gone is known from the steps alone, so most of these displacements can be computed;
 * where one cannot, the first that leads to the same address shows it for all others. What
 * is left are the bytes that really changed.
 *
 * It is a run of bytes (numbers as in patch/pack.h):
 *
 *     u  number of the new file's segments; 0: addresses are not moved
 *        for each segment:
 *     s    where it begins in the file, from the old one of the same number (of 0, if none)
 *     s    its address, likewise
 *     s    its length in the file, likewise
 *     u  number of steps
 *        for each step:
 *     u    how many bytes are copied from the old file
 *     u    how many new bytes follow
 *     s    where the old file goes on, from the end of what was copied
 *     u  number of corrections
 *        for each correction:
 *     u    how many copied bytes are right before it
 *     u    how many are wrong
 *     what is added to the wrong bytes, modulo 256
 *     the new bytes of all steps
 */

#ifndef GRAFT_PATCH_MOVED_H
#define GRAFT_PATCH_MOVED_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Make the new file of the old one.
 *
 * @param[in] bytes Untrusted, of @p len bytes.
 * @param[in] old The old file, of @p old_len bytes.
 * @param[in] new_len How many bytes the new file has.
 * @param[out] ret New buffer of @p new_len bytes that the caller frees.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if it reaches out of the old file, or does not give
 * as many bytes.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_moved_apply(const uint8_t *bytes, size_t len, const uint8_t *old,
		  size_t old_len, size_t new_len, uint8_t **ret);

/**
 * Find what leads from one file to another.
 *
 * @param[in] old The one that is there, of @p old_len bytes, less than 2 GiB.
 * @param[in] new The one that is wanted, of @p new_len bytes, less than 2 GiB.
 * @param[out] ret New buffer that the caller frees.
 * @param[out] len_ret Its length.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_moved_make(const uint8_t *old, size_t old_len, const uint8_t *new,
		 size_t new_len, uint8_t **ret, size_t *len_ret);

#endif /* GRAFT_PATCH_MOVED_H */
