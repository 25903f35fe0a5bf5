// SPDX-License-Identifier: Apache-2.0

#include "diff/constant/constant.h"

#include <string.h>

enum {
	/** Longest text that is looked at. */
	TEXT_MAX = 1 << 20,
};

const char *
graft_constant_text(const struct graft_image *image, uint64_t addr,
		    uint64_t *len_ret)
{
	const struct graft_section *section = graft_image_section_at(image,
								     addr);

	if (!section || !section->bytes)
		return NULL;
	uint64_t left = section->size - (addr - section->addr);
	const uint8_t *text = section->bytes + (addr - section->addr);
	uint64_t len = 0;
	while (len < left && len < TEXT_MAX && text[len] != 0) {
		if (text[len] < 0x20 && !memchr("\t\n\v\f\r\033", text[len], 6))
			return NULL;
		if (text[len] == 0x7f)
			return NULL;
		len++;
	}
	if (len == 0 || len >= left || len >= TEXT_MAX)
		return NULL;
	*len_ret = len + 1;
	return (const char *)text;
}

bool
graft_constant_is_sure(const char *text, uint64_t len)
{
	uint32_t follow = 0;

	for (uint64_t i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)text[i];
		bool inner = (byte & 0xc0) == 0x80;
		if (inner != (follow > 0) || byte == 0xc0 || byte == 0xc1 ||
		    byte > 0xf4)
			return false;
		if (inner)
			follow--;
		else
			follow = (byte >= 0xc0) + (byte >= 0xe0) +
				 (byte >= 0xf0);
	}
	return len >= GRAFT_TEXT_SURE;
}

bool
graft_constant_is_padding(const struct graft_image *image, uint64_t addr,
			  uint64_t len)
{
	const uint8_t *bytes = graft_image_bytes(image, addr, len);

	if (len == 0)
		return true;
	if (!bytes || len > GRAFT_PADDING_MAX)
		return false;
	for (uint64_t i = 0; i < len; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

uint64_t
graft_constant_extent(const struct graft_code *code, uint64_t addr)
{
	const struct graft_section *section =
		graft_image_section_at(code->image, addr);

	if (!section)
		return 0;
	const struct graft_symbol *symbol = graft_image_object_at(code->image,
								  addr);
	if (symbol && symbol->size - (addr - symbol->addr) <=
			      section->addr + section->size - addr)
		return symbol->size - (addr - symbol->addr);

	uint64_t end = graft_code_next_start(code, addr);
	if (end > section->addr + section->size)
		end = section->addr + section->size;
	uint64_t text_len;
	const char *text = graft_constant_text(code->image, addr, &text_len);
	if (text && graft_constant_is_sure(text, text_len)) {
		// Behind a text, zeroes up to the next thing that is named are
		// padding, even if nobody takes the address of that thing.
		uint64_t mark = graft_code_next_mark(code, addr + text_len - 1);
		uint64_t gap = mark - (addr + text_len);
		if (addr + text_len > end)
			end = addr + text_len;
		else if (mark <= end &&
			 graft_constant_is_padding(code->image, addr + text_len,
						   gap))
			end = addr + text_len;
	}
	return end - addr;
}
