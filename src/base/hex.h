// SPDX-License-Identifier: Apache-2.0

/** @file Bytes as hexadecimal digits and back. */

#ifndef GRAFT_BASE_HEX_H
#define GRAFT_BASE_HEX_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Write bytes as lower-case hexadecimal digits.
 *
 * @param[in] len Number of bytes. 0 is allowed.
 * @param[out] ret Gets 2 * @p len digits and a NUL.
 */
void
graft_hex_encode(const uint8_t *bytes, size_t len, char *ret);

/**
 * Read hexadecimal digits, of either case.
 *
 * @param[in] text NUL-terminated; nothing but digits, an even number of them.
 * @param[in] max Most bytes that fit into @p ret.
 * @param[out] ret The bytes; undefined on error.
 * @param[out] len_ret How many.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT if more than @p max.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_hex_decode(const char *text, size_t max, uint8_t *ret, size_t *len_ret);

#endif /* GRAFT_BASE_HEX_H */
