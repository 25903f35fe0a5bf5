// SPDX-License-Identifier: Apache-2.0

#include "explain/visible.h"

#include <stdint.h>

/** Decode one character; 0 bytes if it is not UTF-8 (RFC 3629). */
static size_t
decode(const uint8_t *at, size_t left, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = at[0] < 0x80             ? 1
		     : (at[0] & 0xe0) == 0xc0 ? 2
		     : (at[0] & 0xf0) == 0xe0 ? 3
		     : (at[0] & 0xf8) == 0xf0 ? 4
					      : 0;
	if (len == 0 || len > left)
		return 0;
	uint32_t c = len == 1 ? at[0] : at[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (at[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return len;
}

/** Say whether a character shows nothing, or changes how others are shown. */
static bool
is_hidden(uint32_t c)
{
	static const uint32_t ranges[][2] = {
		{ 0x00, 0x1f },        { 0x7f, 0x9f },     { 0xad, 0xad },
		{ 0x034f, 0x034f },    { 0x061c, 0x061c }, { 0x115f, 0x1160 },
		{ 0x17b4, 0x17b5 },    { 0x180b, 0x180f }, { 0x200b, 0x200f },
		{ 0x2028, 0x202e },    { 0x2060, 0x206f }, { 0x3164, 0x3164 },
		{ 0xd800, 0xf8ff },    { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },
		{ 0xffa0, 0xffa0 },    { 0xfff0, 0xfffb }, { 0xfffe, 0xffff },
		{ 0xe0000, 0x10ffff },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	}
	return false;
}

static void
put_escape(struct graft_text *text, uint32_t c)
{
	switch (c) {
	case '\n':
		graft_text_put(text, "\\n");
		break;
	case '\t':
		graft_text_put(text, "\\t");
		break;
	case '\r':
		graft_text_put(text, "\\r");
		break;
	default:
		graft_text_printf(text,
				  c < 0x80      ? "\\x%02x"
				  : c <= 0xffff ? "\\u%04x"
						: "\\U%08x",
				  c);
	}
}

void
graft_visible_put(struct graft_text *text, const char *bytes, size_t len,
		  size_t max)
{
	const uint8_t *at = (const uint8_t *)bytes;
	const uint8_t *end = at + len;

	for (size_t shown = 0; at < end; shown++) {
		uint32_t c;
		size_t n = decode(at, (size_t)(end - at), &c);
		if (shown == max) {
			graft_text_put(text, "...");
			return;
		}
		if (n == 0)
			graft_text_printf(text, "\\x%02x", *at);
		else if (is_hidden(c))
			put_escape(text, c);
		else
			graft_text_put_bytes(text, at, n);
		at += n ? n : 1;
	}
}
