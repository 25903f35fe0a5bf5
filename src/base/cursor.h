// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Read untrusted bytes without stepping past their end.
 *
 * A cursor never fails halfway through a value: it either has all the bytes or
 * it is `bad`, and once bad it stays bad and yields zeroes. So a decoder reads
 * every field first and asks once, at the end, whether all was well.
 */

#ifndef GRAFT_BASE_CURSOR_H
#define GRAFT_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Where we are in a run of bytes that somebody else owns. */
struct graft_cursor {
	const uint8_t *at;
	const uint8_t *end;
	/** Something was asked for that is not there. */
	bool bad;
};

static inline struct graft_cursor
graft_cursor_make(const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	// Nothing may be at NULL, and C knows no NULL + 0.
	return (struct graft_cursor){ .at = at, .end = len ? at + len : at };
}

static inline size_t
graft_cursor_left(const struct graft_cursor *c)
{
	return (size_t)(c->end - c->at);
}

/** Take @p len bytes; NULL, and bad, if there are fewer. */
static inline const uint8_t *
graft_cursor_take(struct graft_cursor *c, size_t len)
{
	if (c->bad || len > graft_cursor_left(c)) {
		c->bad = true;
		return NULL;
	}
	const uint8_t *bytes = c->at;
	c->at += len;
	return bytes;
}

/** Take a little-endian integer of @p len bytes, at most 8. */
static inline uint64_t
graft_cursor_le(struct graft_cursor *c, size_t len)
{
	const uint8_t *bytes = graft_cursor_take(c, len);
	uint64_t value = 0;
	for (size_t i = 0; bytes && i < len; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

/**
 * Take an unsigned LEB128 number: seven bits a byte, lowest first.
 *
 * Zeroes behind the number are allowed, as assemblers write them to fill a
 * field. A number of more than 64 bits or 10 bytes makes the cursor bad.
 */
uint64_t
graft_cursor_leb(struct graft_cursor *c);

/** Take a signed LEB128 number; as graft_cursor_leb(), sign extended. */
int64_t
graft_cursor_signed_leb(struct graft_cursor *c);

#endif /* GRAFT_BASE_CURSOR_H */
