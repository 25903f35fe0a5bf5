// SPDX-License-Identifier: Apache-2.0

// What is where in decoded code.

#include "diff/code/code.h"

#include "base/sorted.h"
#include "base/text.h"
#include "diff/code/layout.h"

#include <stdio.h>
#include <string.h>

uint32_t
graft_code_func_before(const struct graft_code *code, uint64_t addr)
{
	size_t count = GRAFT_SORTED_UP_TO(code->funcs, code->func_count, addr,
					  addr);

	return count ? (uint32_t)(count - 1) : GRAFT_NONE;
}

uint32_t
graft_code_func_at(const struct graft_code *code, uint64_t addr)
{
	uint32_t func = graft_code_func_before(code, addr);

	if (func == GRAFT_NONE ||
	    addr - code->funcs[func].addr >= code->funcs[func].size)
		return GRAFT_NONE;
	return func;
}

uint32_t
graft_code_func_starting(const struct graft_code *code, uint64_t addr)
{
	uint32_t func = graft_code_func_at(code, addr);

	if (func == GRAFT_NONE || code->funcs[func].addr != addr)
		return GRAFT_NONE;
	return func;
}

uint32_t
graft_code_insn_at(const struct graft_code *code, const struct graft_func *func,
		   uint64_t addr)
{
	uint32_t low = func->first_insn;
	uint32_t end = func->first_insn + func->insn_count;
	uint32_t high = end;
	uint64_t off = addr - func->addr;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (code->insns[mid].off < off)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == end || code->insns[low].off != off)
		return GRAFT_NONE;
	return low;
}

void
graft_code_name(const struct graft_code *code, uint32_t func, char *buf,
		size_t len)
{
	const struct graft_func *f = &code->funcs[func];
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text name = { 0 };

	// A symbol may hold anything; a hotpatch and a terminal take text only.
	if (f->symbol && f->symbol->name[0])
		graft_text_put_safe(&name, f->symbol->name);
	if (!name.len || name.failed) {
		snprintf(buf, len, "sub_%llx", (unsigned long long)f->addr);
		return;
	}
	size_t cut = name.len < len ? name.len : len - 1;
	while (cut < name.len && cut > 0 && (name.str[cut] & 0xc0) == 0x80)
		cut--;
	memcpy(buf, name.str, cut);
	buf[cut] = '\0';
}

uint64_t
graft_func_padding(const struct graft_code *code, uint32_t func)
{
	const struct graft_func *f = &code->funcs[func];
	uint64_t end = f->section->addr + f->section->size;

	if (func + 1 < code->func_count && code->funcs[func + 1].addr < end)
		end = code->funcs[func + 1].addr;
	uint64_t start = f->addr + f->size;
	if (start >= end)
		return 0;
	const uint8_t *bytes = graft_image_bytes(code->image, start,
						 end - start);
	return bytes ? graft_layout_padding(bytes, end - start) : 0;
}
