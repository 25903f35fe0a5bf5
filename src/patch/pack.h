// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Small numbers in few bytes: LEB128, and zigzag for signed ones.
 *
 * The readers follow the rule of base/cursor.h: bad input makes the cursor bad
 * and yields zero. They accept no number of more than 64 bits; that a number is
 * written in its shortest form is left to whoever encodes again and compares.
 */

#ifndef GRAFT_PATCH_PACK_H
#define GRAFT_PATCH_PACK_H

#include "base/cursor.h"
#include "base/text.h"

#include <stdint.h>

/** Append an unsigned number: seven bits a byte, lowest first. */
void
graft_pack_put(struct graft_text *out, uint64_t value);

/** Append a signed number: 0, -1, 1, -2, ... become 0, 1, 2, 3, ... */
void
graft_pack_put_signed(struct graft_text *out, int64_t value);

/** Append the difference of two addresses, modulo 2^64, as a signed number. */
void
graft_pack_put_delta(struct graft_text *out, uint64_t value, uint64_t before);

/** Append the length of a string and its bytes, without the NUL. */
void
graft_pack_put_string(struct graft_text *out, const char *str);

/** Take what graft_pack_put() appended. */
uint64_t
graft_pack_take(struct graft_cursor *c);

/** Take what graft_pack_put_signed() appended. */
int64_t
graft_pack_take_signed(struct graft_cursor *c);

/** Take what graft_pack_put_delta() appended. */
uint64_t
graft_pack_take_delta(struct graft_cursor *c, uint64_t before);

/**
 * Take a count of records that follow.
 *
 * @param[in] max Most that are accepted; more make the cursor bad, as does a
 * count of more records than bytes are left.
 */
size_t
graft_pack_take_count(struct graft_cursor *c, size_t max);

/**
 * Take @p len bytes as a string.
 *
 * @return New string that the caller frees. NULL if the cursor went bad (a NUL
 * inside makes it so), or without memory; then the cursor is not bad.
 */
char *
graft_pack_take_chars(struct graft_cursor *c, uint64_t len);

#endif /* GRAFT_PATCH_PACK_H */
