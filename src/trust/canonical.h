// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Canonical JSON of OLPC: the bytes that a signature is over.
 *
 * No space between anything; members in the order of their keys by bytes; numbers whole;
 * in strings only `"` and `\` are escaped, everything else (line feeds, too) stands
 * as it is. It is no longer than the JSON that it was read from.
 */

#ifndef GRAFT_TRUST_CANONICAL_H
#define GRAFT_TRUST_CANONICAL_H

#include "base/error.h"
#include "trust/document.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Write a value in canonical form.
 *
 * @param[in] node Of a document.
 * @param[out] bytes_ret New buffer that the caller frees.
 * @param[out] len_ret Number of bytes.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_canonical_make(const struct graft_node *node, uint8_t **bytes_ret,
		     size_t *len_ret);

#endif /* GRAFT_TRUST_CANONICAL_H */
