// SPDX-License-Identifier: Apache-2.0

// Programs at a fixed address: were relocations dropped since a linker kept them?

#include "elf/image.h"

#include "elf/model.h"

#include <string.h>

enum {
	/** Code of start files may be so short and name nothing: `.fini`. */
	FRAME_CODE = 32,
	/** Flags and sizes are round. */
	ROUND = 4096,
};

static uint64_t
load_le64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

bool
graft_section_is_unwinding(const struct graft_section *section)
{
	return strncmp(section->name, ".eh_frame", 9) == 0 ||
	       strncmp(section->name, ".gcc_except_table", 17) == 0;
}

/** Is a section the loader's or the linker's? */
static bool
is_table(const struct graft_section *section)
{
	return section->type == SHT_DYNAMIC || section->type == SHT_RELA ||
	       section->type == SHT_NOTE ||
	       strncmp(section->name, ".got", 4) == 0 ||
	       strncmp(section->name, ".plt", 4) == 0 ||
	       strcmp(section->name, ".iplt") == 0;
}

/** Does a symbol start at an address? */
static bool
is_named(const struct graft_image *image, uint64_t addr, bool function)
{
	const struct graft_symbol *symbol = graft_image_symbol_at(image, addr);

	return symbol && symbol->addr == addr &&
	       (!function || symbol->type == STT_FUNC ||
		symbol->type == STT_GNU_IFUNC);
}

bool
graft_image_is_likely_place(const struct graft_image *image, uint64_t value)
{
	const struct graft_section *section = graft_image_section_at(image,
								     value);

	if (!section)
		return false;
	// What only linkers and unwinders name is none that code holds.
	if ((section->flags & SHF_EXECINSTR) || is_table(section) ||
	    graft_section_is_unwinding(section))
		return is_named(image, value, true);
	return value % ROUND != 0 || is_named(image, value, false);
}

/** May a word be text of some letters? */
static bool
is_text(const uint8_t *bytes)
{
	size_t len = 0;

	while (len < 8 && bytes[len] >= ' ' && bytes[len] < 0x7f)
		len++;
	for (size_t i = len; i < 8; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

/**
 * Does a section have words that lead into sections, and no relocation?
 *
 * @param[in] likely Only such as are addresses for sure: others of it were kept.
 */
static bool
has_words(const struct graft_image *image, const struct graft_section *section,
	  bool likely)
{
	uint64_t off = -section->addr & 7;

	for (; off + 8 <= section->size; off += 8) {
		const uint8_t *at = section->bytes + off;
		uint64_t addr = section->addr + off;
		uint64_t value = load_le64(at);
		if (!value || !graft_image_section_at(image, value) ||
		    graft_image_reloc_at(image, addr))
			continue;
		if (!likely)
			return true;
		const struct graft_reloc *reloc =
			graft_image_static_reloc_from(image, addr, addr + 1);
		if (reloc && reloc->type == R_X86_64_64)
			continue;
		if (!is_text(at) && graft_image_is_likely_place(image, value))
			return true;
	}
	return false;
}

bool
graft_fixed_lacks(const struct graft_image *image,
		  const struct graft_section *section)
{
	if (!section->bytes || is_table(section) ||
	    graft_section_is_unwinding(section))
		return false;
	bool kept = graft_image_static_reloc_from(
		image, section->addr, section->addr + section->size);
	if (section->flags & SHF_EXECINSTR)
		return !kept && section->size > FRAME_CODE;
	return (section->type == SHT_PROGBITS ||
		section->type == SHT_INIT_ARRAY ||
		section->type == SHT_FINI_ARRAY ||
		section->type == SHT_PREINIT_ARRAY) &&
	       has_words(image, section, kept);
}
