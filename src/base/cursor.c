// SPDX-License-Identifier: Apache-2.0

#include "base/cursor.h"

/** The shift of the tenth byte, of which one bit is within the 64. */
enum { LAST_SHIFT = 63 };

/**
 * Take the bytes of a number.
 *
 * @param[out] end_ret The last byte; 0 if the cursor is bad.
 * @param[out] shift_ret Where the bits of that byte stand.
 * @return The bits that are below 2^64.
 */
static uint64_t
take_groups(struct graft_cursor *c, uint8_t *end_ret, unsigned *shift_ret)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift <= LAST_SHIFT; shift += 7) {
		uint8_t byte = (uint8_t)graft_cursor_le(c, 1);
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		*end_ret = byte;
		*shift_ret = shift;
		return c->bad ? 0 : value;
	}
	c->bad = true;
	*end_ret = 0;
	*shift_ret = 0;
	return 0;
}

uint64_t
graft_cursor_leb(struct graft_cursor *c)
{
	uint8_t end;
	unsigned shift;
	uint64_t value = take_groups(c, &end, &shift);

	if (shift == LAST_SHIFT && end > 1) {
		c->bad = true;
		return 0;
	}
	return value;
}

int64_t
graft_cursor_signed_leb(struct graft_cursor *c)
{
	uint8_t end;
	unsigned shift;
	uint64_t value = take_groups(c, &end, &shift);

	// Of the tenth byte all bits are the sign.
	if (shift == LAST_SHIFT && end != 0 && end != 0x7f) {
		c->bad = true;
		return 0;
	}
	if (shift < LAST_SHIFT && (end & 0x40))
		value |= ~UINT64_C(0) << (shift + 7);
	return (int64_t)value;
}
