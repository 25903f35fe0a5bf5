// SPDX-License-Identifier: Apache-2.0

#include "base/utf8.h"

// Length of the sequence that a first byte announces and its payload bits;
// 0 for a byte that cannot start one.
static size_t
sequence_len(uint8_t first, uint32_t *bits)
{
	if (first < 0x80) {
		*bits = first;
		return 1;
	}
	if (first >= 0xc2 && first <= 0xdf) {
		*bits = first & 0x1f;
		return 2;
	}
	if (first >= 0xe0 && first <= 0xef) {
		*bits = first & 0x0f;
		return 3;
	}
	if (first >= 0xf0 && first <= 0xf4) {
		*bits = first & 0x07;
		return 4;
	}
	return 0;
}

bool
graft_utf8_turns(uint32_t point)
{
	return (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2066 && point <= 0x2069);
}

bool
graft_utf8_printable(const char *chars, size_t len)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };

	for (size_t i = 0; i < len;) {
		uint32_t point;
		size_t count = sequence_len((uint8_t)chars[i], &point);
		if (count == 0 || count > len - i)
			return false;
		for (size_t k = 1; k < count; k++) {
			uint8_t next = (uint8_t)chars[i + k];
			if ((next & 0xc0) != 0x80)
				return false;
			point = point << 6 | (next & 0x3f);
		}
		if (point < smallest[count] || point > 0x10ffff ||
		    (point >= 0xd800 && point <= 0xdfff))
			return false;
		if (point < 0x20 || (point >= 0x7f && point <= 0x9f) ||
		    graft_utf8_turns(point))
			return false;
		i += count;
	}
	return true;
}
