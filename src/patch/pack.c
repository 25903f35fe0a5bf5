// SPDX-License-Identifier: Apache-2.0

#include "patch/pack.h"

#include "patch/limits.h"

#include <string.h>

void
graft_pack_put(struct graft_text *out, uint64_t value)
{
	uint8_t bytes[10];
	size_t len = 0;

	while (value >= 0x80) {
		bytes[len++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	bytes[len++] = (uint8_t)value;
	graft_text_put_bytes(out, bytes, len);
}

void
graft_pack_put_signed(struct graft_text *out, int64_t value)
{
	uint64_t sign = value < 0 ? UINT64_MAX : 0;
	graft_pack_put(out, ((uint64_t)value << 1) ^ sign);
}

void
graft_pack_put_delta(struct graft_text *out, uint64_t value, uint64_t before)
{
	graft_pack_put_signed(out, (int64_t)(value - before));
}

void
graft_pack_put_string(struct graft_text *out, const char *str)
{
	size_t len = strlen(str);
	graft_pack_put(out, len);
	graft_text_put_bytes(out, str, len);
}

uint64_t
graft_pack_take(struct graft_cursor *c)
{
	return graft_cursor_leb(c);
}

int64_t
graft_pack_take_signed(struct graft_cursor *c)
{
	uint64_t value = graft_pack_take(c);
	return (int64_t)((value >> 1) ^ (0 - (value & 1)));
}

uint64_t
graft_pack_take_delta(struct graft_cursor *c, uint64_t before)
{
	return before + (uint64_t)graft_pack_take_signed(c);
}

size_t
graft_pack_take_count(struct graft_cursor *c, size_t max)
{
	uint64_t count = graft_pack_take(c);

	// Every record takes a byte at least: no count takes memory out of
	// proportion to the input.
	if (count > max || count > graft_cursor_left(c)) {
		c->bad = true;
		return 0;
	}
	return (size_t)count;
}

char *
graft_pack_take_chars(struct graft_cursor *c, uint64_t len)
{
	if (len > GRAFT_PATCH_STRING_MAX) {
		c->bad = true;
		return NULL;
	}
	const uint8_t *bytes = graft_cursor_take(c, (size_t)len);
	if (!bytes)
		return NULL;
	if (len > 0 && memchr(bytes, '\0', (size_t)len)) {
		c->bad = true;
		return NULL;
	}
	return strndup((const char *)bytes, (size_t)len);
}
