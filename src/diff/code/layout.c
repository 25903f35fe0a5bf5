// SPDX-License-Identifier: Apache-2.0

#include "diff/code/layout.h"

#include "base/vec.h"

#include <Zydis/Zydis.h>
#include <string.h>

/** What is being built. */
struct layout {
	struct graft_code *code;
	size_t cap;
	/** Function symbols by ascending address. */
	const struct graft_symbol **entries;
	size_t entry_count;
};

static bool
is_entry(const struct graft_symbol *symbol)
{
	return symbol->defined && !symbol->absolute &&
	       (symbol->type == STT_FUNC || symbol->type == STT_GNU_IFUNC);
}

static struct graft_error *
collect_entries(struct layout *layout)
{
	size_t count;
	const struct graft_symbol *symbols =
		graft_image_symbols(layout->code->image, &count);

	layout->entries = calloc(count + 1, sizeof(*layout->entries));
	if (!layout->entries)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++) {
		if (is_entry(&symbols[i]))
			layout->entries[layout->entry_count++] = &symbols[i];
	}
	return NULL;
}

/** Find the first entry symbol at or behind @p addr. */
static size_t
entry_from(const struct layout *layout, uint64_t addr)
{
	size_t low = 0;
	size_t high = layout->entry_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (layout->entries[mid]->addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct graft_error *
add(struct layout *layout, const struct graft_section *section, uint64_t addr,
    uint64_t size, const struct graft_extent *extent)
{
	struct graft_code *code = layout->code;
	struct graft_error *err = graft_vec_reserve(&code->funcs, &layout->cap,
						    code->func_count + 1,
						    sizeof(*code->funcs));
	if (err)
		return err;

	const struct graft_symbol *symbol = graft_image_symbol_at(code->image,
								  addr);
	if (symbol && (symbol->addr != addr || !is_entry(symbol)))
		symbol = NULL;
	code->funcs[code->func_count++] = (struct graft_func){
		.addr = addr,
		.size = size,
		.section = section,
		.extent = extent,
		.symbol = symbol,
		.group = GRAFT_NONE,
	};
	return NULL;
}

size_t
graft_layout_padding(const uint8_t *bytes, size_t len)
{
	ZydisDecoder decoder;
	size_t at = 0;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64,
			 ZYDIS_STACK_WIDTH_64);
	while (at < len) {
		if (bytes[at] == 0xcc || bytes[at] == 0) {
			at++;
			continue;
		}
		ZydisDecodedInstruction insn;
		if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(
			    &decoder, NULL, bytes + at, len - at, &insn)))
			break;
		// `xchg %ax,%ax` is how some assemblers spell a 2-byte nop.
		bool nop = insn.mnemonic == ZYDIS_MNEMONIC_NOP ||
			   (insn.length == 2 && bytes[at] == 0x66 &&
			    bytes[at + 1] == 0x90);
		if (!nop)
			break;
		at += insn.length;
	}
	return at;
}

static bool
is_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

/**
 * Count the bytes of code without the padding behind it.
 *
 * How much padding there is depends on what follows; it is no part of a
 * function. Code that does not decode is left as long as it is.
 */
static size_t
trimmed(const uint8_t *bytes, size_t len)
{
	ZydisDecoder decoder;
	size_t end = 0;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64,
			 ZYDIS_STACK_WIDTH_64);
	for (size_t at = 0; at < len;) {
		ZydisDecodedInstruction insn;
		if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(
			    &decoder, NULL, bytes + at, len - at, &insn)))
			return len - at < 2 && bytes[at] == 0 ? end : len;
		bool padding = insn.mnemonic == ZYDIS_MNEMONIC_NOP ||
			       insn.mnemonic == ZYDIS_MNEMONIC_INT3 ||
			       is_zero(bytes + at, insn.length);
		at += insn.length;
		if (!padding)
			end = at;
	}
	return end ? end : len;
}

/** Add what stands between two FDEs, cut at symbols, without padding. */
static struct graft_error *
add_gap(struct layout *layout, const struct graft_section *section,
	uint64_t start, uint64_t end)
{
	while (start < end) {
		const uint8_t *bytes = graft_image_bytes(layout->code->image,
							 start, end - start);
		if (!bytes)
			return NULL;
		size_t i = entry_from(layout, start);
		bool named = i < layout->entry_count &&
			     layout->entries[i]->addr == start;
		if (!named)
			start += graft_layout_padding(bytes, end - start);
		if (start >= end)
			return NULL;

		i = entry_from(layout, start + 1);
		uint64_t next = end;
		if (i < layout->entry_count && layout->entries[i]->addr < end)
			next = layout->entries[i]->addr;
		bytes = graft_image_bytes(layout->code->image, start,
					  next - start);
		struct graft_error *err = add(layout, section, start,
					      trimmed(bytes, next - start),
					      NULL);
		if (err)
			return err;
		start = next;
	}
	return NULL;
}

/** Add an FDE, cut where symbols with a size of their own begin inside. */
static struct graft_error *
add_extent(struct layout *layout, const struct graft_section *section,
	   const struct graft_extent *extent)
{
	uint64_t start = extent->addr;
	uint64_t end = extent->addr + extent->size;
	size_t i = entry_from(layout, start + 1);

	for (; i < layout->entry_count && layout->entries[i]->addr < end; i++) {
		const struct graft_symbol *entry = layout->entries[i];
		if (entry->size == 0 || entry->addr == start)
			continue;
		struct graft_error *err = add(layout, section, start,
					      entry->addr - start, extent);
		if (err)
			return err;
		start = entry->addr;
	}
	return add(layout, section, start, end - start, extent);
}

static struct graft_error *
add_section(struct layout *layout, const struct graft_section *section)
{
	size_t count;
	const struct graft_extent *extents =
		graft_image_extents(layout->code->image, &count);
	uint64_t at = section->addr;
	uint64_t end = section->addr + section->size;
	struct graft_error *err;

	for (size_t i = 0; i < count; i++) {
		if (extents[i].addr < at || extents[i].addr >= end ||
		    extents[i].size == 0 ||
		    extents[i].size > end - extents[i].addr)
			continue;
		err = add_gap(layout, section, at, extents[i].addr);
		if (err)
			return err;
		err = add_extent(layout, section, &extents[i]);
		if (err)
			return err;
		at = extents[i].addr + extents[i].size;
	}
	return add_gap(layout, section, at, end);
}

struct graft_error *
graft_layout_find(struct graft_code *code)
{
	struct layout layout = { .code = code };
	struct graft_error *err = collect_entries(&layout);
	size_t count;
	const struct graft_section *sections = graft_image_sections(code->image,
								    &count);

	for (size_t i = 0; !err && i < count; i++) {
		// PLT stubs are known to the image, each with its symbol.
		if ((sections[i].flags & SHF_EXECINSTR) && sections[i].bytes &&
		    strncmp(sections[i].name, ".plt", 4) != 0)
			err = add_section(&layout, &sections[i]);
	}
	free(layout.entries);
	return err;
}
