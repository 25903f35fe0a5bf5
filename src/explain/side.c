// SPDX-License-Identifier: Apache-2.0

#include "explain/side.h"

#include "diff/code/area.h"
#include "diff/constant/constant.h"
#include "explain/named.h"
#include "explain/visible.h"

#include <Zydis/Zydis.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
	/** Longest name and text that are shown, in characters. */
	NAME_MAX_SHOWN = 120,
	TEXT_MAX_SHOWN = 60,
	LINE_MAX_BYTES = 256,
};

static void
put_str(struct graft_text *text, const char *str)
{
	graft_visible_put(text, str, strlen(str), NAME_MAX_SHOWN);
}

static void
put_offset(struct graft_text *text, uint64_t off)
{
	if (off)
		graft_text_printf(text, "+0x%llx", (unsigned long long)off);
}

void
graft_side_put_func(const struct graft_side *side, uint32_t func,
		    struct graft_text *text)
{
	const struct graft_code *code = side->code;
	char name[512];

	if (side->is_new && !code->funcs[func].symbol &&
	    side->diff->new_match[func].other != GRAFT_NONE) {
		func = side->diff->new_match[func].other;
		code = side->diff->old_code;
	}
	graft_code_name(code, func, name, sizeof(name));
	put_str(text, name);
}

static void
put_place(const struct graft_image *image, uint64_t addr,
	  struct graft_text *text);

/**
 * Append a text in quotes, what may as well be a number behind its place; false:
 * there is none.
 */
static bool
put_quoted(const struct graft_image *image, uint64_t addr,
	   struct graft_text *text)
{
	uint64_t len;
	const char *str = graft_constant_text(image, addr, &len);

	if (!str)
		return false;
	if (!graft_constant_is_sure(str, len)) {
		put_place(image, addr, text);
		graft_text_put(text, " ");
	}
	graft_text_put(text, "\"");
	graft_visible_put(text, str, len - 1, TEXT_MAX_SHOWN);
	graft_text_put(text, "\"");
	return true;
}

/** Append symbol and offset, or section and offset. */
static void
put_place(const struct graft_image *image, uint64_t addr,
	  struct graft_text *text)
{
	const struct graft_symbol *symbol = graft_image_symbol_at(image, addr);
	const struct graft_section *section = graft_image_section_at(image,
								     addr);

	if (symbol && symbol->name[0]) {
		put_str(text, symbol->name);
		put_offset(text, addr - symbol->addr);
	} else if (section) {
		put_str(text, section->name);
		put_offset(text, addr - section->addr);
	} else {
		graft_text_printf(text, "0x%llx", (unsigned long long)addr);
	}
}

/** Append what a slot of the GOT leads to. */
static void
put_slot(const struct graft_side *side, const struct graft_reloc *reloc,
	 struct graft_text *text)
{
	if (reloc->symbol && reloc->symbol->name[0]) {
		put_str(text, reloc->symbol->name);
	} else {
		uint64_t to = (uint64_t)reloc->addend;
		uint32_t func = graft_code_func_starting(side->code, to);
		if (func != GRAFT_NONE)
			graft_side_put_func(side, func, text);
		else
			put_place(side->code->image, to, text);
	}
	graft_text_put(text, "@got");
}

/** Append the content of a constant that is read right there. */
static void
put_value(const struct graft_image *image, const struct graft_ref *ref,
	  struct graft_text *text)
{
	const uint8_t *bytes = graft_image_bytes(image, ref->target,
						 ref->access);

	graft_text_put(text, "{0x");
	for (unsigned i = ref->access; bytes && i-- > 0;)
		graft_text_printf(text, "%02x", bytes[i]);
	graft_text_put(text, "}");
}

/** Append an object of writable data; both sides call it as OLD does. */
static void
put_data(const struct graft_side *side, uint64_t addr, struct graft_text *text)
{
	uint64_t old_addr;

	if (side->is_new && !graft_image_symbol_at(side->code->image, addr) &&
	    graft_diff_old_data(side->diff, addr, &old_addr) >
		    GRAFT_WITNESS_CONFLICT)
		put_place(side->diff->old_image, old_addr, text);
	else
		put_place(side->code->image, addr, text);
}

/**
 * Append what a reference names: a function, an import, a text in quotes, an
 * object with the offset in it, or a section with the offset in it.
 *
 * @param[in] ref Of this side; not one of thread-local storage.
 */
static void
put_target(const struct graft_side *side, const struct graft_ref *ref,
	   struct graft_text *text)
{
	const struct graft_image *image = side->code->image;
	const struct graft_plt *plt = graft_image_plt_at(image, ref->target);
	const struct graft_reloc *reloc = graft_image_reloc_at(image,
							       ref->target);
	enum graft_area area = graft_area_of(image, ref->target);
	uint32_t func;

	if (plt && plt->reloc->symbol) {
		put_str(text, plt->reloc->symbol->name);
		graft_text_put(text, "@plt");
		return;
	}
	switch (area) {
	case GRAFT_AREA_CODE:
		func = graft_code_func_at(side->code, ref->target);
		if (func == GRAFT_NONE) {
			put_place(image, ref->target, text);
			return;
		}
		graft_side_put_func(side, func, text);
		put_offset(text, ref->target - side->code->funcs[func].addr);
		return;
	case GRAFT_AREA_CONSTANT:
		if (ref->kind == GRAFT_REF_ADDRESS &&
		    put_quoted(image, ref->target, text))
			return;
		if (ref->kind == GRAFT_REF_MEMORY && ref->access && !reloc &&
		    ref->access <= 16 &&
		    !graft_image_symbol_at(image, ref->target)) {
			put_value(image, ref, text);
			return;
		}
		put_place(image, ref->target, text);
		return;
	case GRAFT_AREA_DATA:
		put_data(side, ref->target, text);
		return;
	case GRAFT_AREA_PLT:
	case GRAFT_AREA_GOT:
	case GRAFT_AREA_NONE:
		break;
	}
	if (reloc)
		put_slot(side, reloc, text);
	else
		put_place(image, ref->target, text);
}

/** Append some of a line, numbers without the zeros that they begin with. */
static void
put_short(const char *line, size_t len, struct graft_text *text)
{
	for (size_t i = 0; i < len; i++) {
		graft_text_put_bytes(text, line + i, 1);
		if (line[i] != 'x' || i == 0 || line[i - 1] != '0')
			continue;
		while (i + 2 < len && line[i + 1] == '0' &&
		       isxdigit((unsigned char)line[i + 2]))
			i++;
	}
}

/** Append a line in which an address is replaced by a name. */
static void
put_replaced(const char *line, uint64_t target, const char *name,
	     struct graft_text *text)
{
	char hex[32];
	int width = snprintf(hex, sizeof(hex), "0x%016llx",
			     (unsigned long long)target);
	const char *at = strstr(line, hex);

	if (!at) {
		put_short(line, strlen(line), text);
		return;
	}
	put_short(line, (size_t)(at - line), text);
	graft_text_put(text, name);
	put_short(at + width, strlen(at + width), text);
}

void
graft_side_put_insn(const struct graft_side *side, uint32_t func, uint32_t insn,
		    struct graft_text *text)
{
	const struct graft_func *f = &side->code->funcs[func];
	const struct graft_insn *i = &side->code->insns[insn];
	uint64_t addr = f->addr + i->off;
	const uint8_t *bytes = graft_image_bytes(side->code->image, addr,
						 i->len);
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction zi;
	ZydisFormatter formatter;
	ZydisDecoder decoder;
	char line[LINE_MAX_BYTES];
	uint64_t target;

	if (!bytes || (i->flags & GRAFT_INSN_BAD) ||
	    !ZYAN_SUCCESS(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64,
					   ZYDIS_STACK_WIDTH_64)) ||
	    !ZYAN_SUCCESS(ZydisFormatterInit(&formatter,
					     ZYDIS_FORMATTER_STYLE_ATT)) ||
	    !ZYAN_SUCCESS(ZydisFormatterSetProperty(
		    &formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE,
		    ZYAN_FALSE)) ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, i->len, &zi,
						 operands)) ||
	    !ZYAN_SUCCESS(ZydisFormatterFormatInstruction(
		    &formatter, &zi, operands, zi.operand_count_visible, line,
		    sizeof(line), addr, NULL))) {
		graft_text_printf(text, ".byte 0x%02x", bytes ? *bytes : 0);
		return;
	}
	if (!graft_named_find(&zi, operands, addr, &target)) {
		put_short(line, strlen(line), text);
		return;
	}
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text name = { 0 };
	if (target - f->addr < f->size)
		graft_text_printf(&name, "+0x%llx",
				  (unsigned long long)(target - f->addr));
	else if (i->ref != GRAFT_NONE)
		put_target(side, &side->code->refs[i->ref], &name);
	else
		graft_text_printf(&name, "0x%llx", (unsigned long long)target);
	put_replaced(line, target, graft_text_str(&name), text);
	text->failed |= name.failed;
}
