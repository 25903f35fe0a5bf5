// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What a new file offers to others that the old one does not. A module of the new version
 * that is opened later may want it, and finds the old file, hotpatched, in its process.
 */

#ifndef GRAFT_HOST_EXPORTS_H
#define GRAFT_HOST_EXPORTS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Find a dynamic symbol, by name and version, that one ELF file defines and another one does
 * not.
 *
 * @param[in] was Bytes of the old file, @p was_len of them. Untrusted, like the other's.
 * @param[out] ret New string that the caller frees: "name" or "name@VERSION"; NULL: there is
 * none.
 * @return NULL; what graft_image_open_bytes() returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_exports_find_new(const uint8_t *was, size_t was_len, const uint8_t *is,
		       size_t is_len, char **ret);

#endif /* GRAFT_HOST_EXPORTS_H */
