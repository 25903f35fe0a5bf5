// SPDX-License-Identifier: Apache-2.0

/** @file The delta from one file to another, in whichever of its forms is shorter. */

#ifndef GRAFT_PERSIST_MAKE_DELTA_H
#define GRAFT_PERSIST_MAKE_DELTA_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct graft_disk_entry;

/**
 * Make the frame of an entry.
 *
 * @param[in,out] entry Has both sizes; its form is filled in.
 * @param[in] old The old file.
 * @param[in] new The new one.
 * @param[out] ret New frame that the caller frees.
 * @param[out] len_ret Its length.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_make_delta(struct graft_disk_entry *entry, const uint8_t *old,
		 const uint8_t *new, uint8_t **ret, size_t *len_ret);

#endif /* GRAFT_PERSIST_MAKE_DELTA_H */
