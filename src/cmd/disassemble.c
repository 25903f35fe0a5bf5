// SPDX-License-Identifier: Apache-2.0

#include "cmd/disassemble.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "base/vec.h"
#include "elf/image.h"
#include "explain/named.h"
#include "patch/patch.h"

#include <Zydis/Zydis.h>
#include <stdio.h>
#include <string.h>

enum {
	/** Longest line of one side, and width of the left one. */
	LINE = 160,
	LEFT = 58,
	/** Cells of the table by which lines are aligned; above: no alignment. */
	CELLS_MAX = 4 << 20,
};

/** One instruction as text. */
struct line {
	char text[LINE];
	/** Hash of the text without addresses: what lines are aligned by. */
	uint64_t key;
};

struct listing {
	struct line *lines;
	size_t count;
	size_t cap;
};

static void
deinit_listing(struct listing *listing)
{
	free(listing->lines);
}

/** What names are looked up in. */
struct names {
	const struct graft_patch_module *module;
	/** NULL: not known. */
	const struct graft_image *old_image;
};

/** Name an address of OLD. */
static void
name_old(const struct names *names, uint64_t addr, char *buf, size_t len)
{
	const struct graft_patch_module *module = names->module;
	const struct graft_symbol *symbol = NULL;
	const struct graft_plt *plt = NULL;
	const struct graft_reloc *reloc = NULL;

	for (size_t i = 0; i < module->redirect_count; i++) {
		if (module->redirects[i].old_addr == addr) {
			(void)snprintf(buf, len, "%s",
				       module->redirects[i].name);
			return;
		}
	}
	if (names->old_image) {
		plt = graft_image_plt_at(names->old_image, addr);
		reloc = graft_image_reloc_at(names->old_image, addr);
		symbol = graft_image_symbol_at(names->old_image, addr);
	}
	for (size_t i = 0; !reloc && i < module->old_slot_count; i++) {
		if (module->old_slots[i].old_addr == addr &&
		    module->old_slots[i].symbol) {
			(void)snprintf(buf, len, "%s@got",
				       module->old_slots[i].symbol);
			return;
		}
	}
	if (plt && plt->reloc->symbol)
		(void)snprintf(buf, len, "%s@plt", plt->reloc->symbol->name);
	else if (reloc && reloc->symbol)
		(void)snprintf(buf, len, "%s@got", reloc->symbol->name);
	else if (symbol && symbol->addr == addr)
		(void)snprintf(buf, len, "%s", symbol->name);
	else if (symbol)
		(void)snprintf(buf, len, "%s+0x%llx", symbol->name,
			       (unsigned long long)(addr - symbol->addr));
	else
		(void)snprintf(buf, len, "old 0x%llx",
			       (unsigned long long)addr);
}

/** Name an address of NEW, which is inside the hotpatch. */
static void
name_new(const struct names *names, uint64_t addr, char *buf, size_t len)
{
	const struct graft_patch_module *module = names->module;

	for (size_t i = 0; i < module->carried_count; i++) {
		const struct graft_carried *piece = &module->carried[i];
		if (addr < piece->new_addr ||
		    addr - piece->new_addr >= piece->size)
			continue;
		if (addr == piece->new_addr)
			(void)snprintf(buf, len, "%s", piece->name);
		else
			(void)snprintf(
				buf, len, "%s+0x%llx", piece->name,
				(unsigned long long)(addr - piece->new_addr));
		return;
	}
	for (size_t i = 0; i < module->import_count; i++) {
		if (module->imports[i].new_addr == addr) {
			(void)snprintf(buf, len, "%s@got",
				       module->imports[i].symbol);
			return;
		}
	}
	(void)snprintf(buf, len, "new 0x%llx", (unsigned long long)addr);
}

/** Find the fix of a field inside an instruction, or NULL. */
static const struct graft_fix *
find_fix(const struct graft_patch_module *module, uint64_t addr, size_t len)
{
	for (size_t i = 0; i < module->fix_count; i++) {
		const struct graft_fix *fix = &module->fixes[i];
		if (fix->kind == GRAFT_FIX_REL32_OLD && fix->new_addr >= addr &&
		    fix->new_addr < addr + len)
			return fix;
	}
	return NULL;
}

/**
 * Put a name in the place of an address, and make the line's key.
 *
 * What stands where differs in each build, so the name says more than the
 * address; a distance inside the function does not count for the key.
 */
static void
finish_line(struct line *line, const char *name, uint64_t target, bool has)
{
	char hex[32];
	char rest[LINE];
	uint64_t key = 0xcbf29ce484222325;
	size_t from = SIZE_MAX;

	int width = snprintf(hex, sizeof(hex), "0x%016llX",
			     (unsigned long long)target);
	char *at = has ? strstr(line->text, hex) : NULL;
	if (at) {
		size_t off = (size_t)(at - line->text);
		(void)snprintf(rest, sizeof(rest), "%s", at + width);
		(void)snprintf(at, sizeof(line->text) - off, "%s%s", name,
			       rest);
		from = *name == '+' ? off : SIZE_MAX;
	}
	for (size_t i = 0; line->text[i] && i < from; i++)
		key = (key ^ (uint8_t)line->text[i]) * 0x100000001b3;
	line->key = key;
}

/** Disassemble one piece of code. */
static struct graft_error *
list(const struct names *names, const uint8_t *bytes, uint64_t addr,
     uint64_t size, bool is_new, struct listing *listing)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction insn;
	ZydisFormatter formatter;
	ZydisDecoder decoder;
	char name[LINE];

	if (!ZYAN_SUCCESS(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64,
					   ZYDIS_STACK_WIDTH_64)) ||
	    !ZYAN_SUCCESS(ZydisFormatterInit(&formatter,
					     ZYDIS_FORMATTER_STYLE_INTEL)))
		return graft_error_new(GRAFT_ERROR_LIBRARY, "Zydis");
	for (uint64_t off = 0; off < size;) {
		uint64_t target = 0;
		bool has = false;
		struct graft_error *err = graft_vec_reserve(
			&listing->lines, &listing->cap, listing->count + 1,
			sizeof(*listing->lines));
		if (err)
			return err;
		struct line *line = &listing->lines[listing->count++];
		if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes + off,
							 size - off, &insn,
							 operands))) {
			(void)snprintf(line->text, sizeof(line->text),
				       ".byte 0x%02x", bytes[off++]);
			finish_line(line, "", 0, false);
			continue;
		}
		if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(
			    &formatter, &insn, operands,
			    insn.operand_count_visible, line->text,
			    sizeof(line->text), addr + off, NULL)))
			(void)snprintf(line->text, sizeof(line->text), "?");
		has = graft_named_find(&insn, operands, addr + off, &target);
		if (has && target >= addr && target - addr < size) {
			(void)snprintf(name, sizeof(name), "+0x%llx",
				       (unsigned long long)(target - addr));
		} else if (has) {
			const struct graft_fix *fix =
				is_new ? find_fix(names->module, addr + off,
						  insn.length)
				       : NULL;
			if (fix)
				name_old(names, target + (uint64_t)fix->value,
					 name, sizeof(name));
			else if (is_new)
				name_new(names, target, name, sizeof(name));
			else
				name_old(names, target, name, sizeof(name));
		}
		finish_line(line, name, target, has);
		off += insn.length;
	}
	return NULL;
}

/** Append one line of the two columns. */
static void
put_line(const struct line *left, const struct line *right, char mark,
	 struct graft_text *text)
{
	graft_text_printf(text, "  %-*.*s %c %s\n", LEFT, LEFT,
			  left ? left->text : "", mark,
			  right ? right->text : "");
}

/** Append two lines that stand for each other. */
static void
put_pair(const struct line *left, const struct line *right,
	 struct graft_text *text)
{
	put_line(left, right, strcmp(left->text, right->text) ? '|' : ' ',
		 text);
}

/** Append two listings side by side, equal lines beside each other. */
static struct graft_error *
put_aligned(const struct listing *old_list, const struct listing *new_list,
	    struct graft_text *text)
{
	size_t rows = old_list->count;
	size_t columns = new_list->count;
	size_t i = 0;
	size_t j = 0;

	if ((rows + 1) * (columns + 1) > CELLS_MAX) {
		for (; i < rows || i < columns; i++)
			put_line(i < rows ? &old_list->lines[i] : NULL,
				 i < columns ? &new_list->lines[i] : NULL, '?',
				 text);
		return NULL;
	}
	// Longest common subsequence of what is left from (i, j) on.
	GRAFT_FREE uint32_t *best = calloc((rows + 1) * (columns + 1),
					   sizeof(*best));
	if (!best)
		return graft_error_no_memory();
	for (size_t a = rows; a-- > 0;) {
		for (size_t b = columns; b-- > 0;) {
			uint32_t *cell = &best[a * (columns + 1) + b];
			uint32_t down = cell[columns + 1];
			*cell = old_list->lines[a].key == new_list->lines[b].key
					? cell[columns + 2] + 1
				: down > cell[1] ? down
						 : cell[1];
		}
	}
	while (i < rows || j < columns) {
		const uint32_t *cell = &best[i * (columns + 1) + j];
		if (i < rows && j < columns &&
		    old_list->lines[i].key == new_list->lines[j].key)
			put_pair(&old_list->lines[i++], &new_list->lines[j++],
				 text);
		else if (j == columns ||
			 (i < rows && cell[columns + 1] >= cell[1]))
			put_line(&old_list->lines[i++], NULL, '<', text);
		else
			put_line(NULL, &new_list->lines[j++], '>', text);
	}
	return NULL;
}

/** Find the code of OLD that a carried piece replaces. */
static const struct graft_fragment *
find_replaced(const struct graft_patch_module *module,
	      const struct graft_carried *piece)
{
	for (size_t i = 0; i < module->fragment_count; i++) {
		const struct graft_fragment *fragment = &module->fragments[i];
		const struct graft_redirect *redirect =
			&module->redirects[fragment->redirect];
		if (redirect->new_addr == piece->new_addr &&
		    redirect->old_addr == fragment->old_addr)
			return fragment;
	}
	return NULL;
}

static struct graft_error *
put_piece(const struct names *names, const struct graft_carried *piece,
	  struct graft_text *text)
{
	GRAFT_CLEANUP(deinit_listing) struct listing old_list = { 0 };
	GRAFT_CLEANUP(deinit_listing) struct listing new_list = { 0 };
	const struct graft_fragment *replaced = find_replaced(names->module,
							      piece);
	const uint8_t *bytes = graft_patch_module_bytes(
		names->module, piece->new_addr, piece->size);
	struct graft_error *err = NULL;

	graft_text_put(text, "\n");
	graft_text_put_safe(text, piece->name);
	graft_text_printf(text, ": %llu bytes at 0x%llx",
			  (unsigned long long)piece->size,
			  (unsigned long long)piece->new_addr);
	if (replaced)
		graft_text_printf(text, ", replaces %llu at 0x%llx",
				  (unsigned long long)replaced->size,
				  (unsigned long long)replaced->old_addr);
	graft_text_put(text, "\n");
	if (bytes)
		err = list(names, bytes, piece->new_addr, piece->size, true,
			   &new_list);
	if (!err && replaced && names->old_image) {
		bytes = graft_image_bytes(names->old_image, replaced->old_addr,
					  replaced->size);
		if (bytes)
			err = list(names, bytes, replaced->old_addr,
				   replaced->size, false, &old_list);
	}
	if (err)
		return err;
	if (names->old_image)
		return put_aligned(&old_list, &new_list, text);
	for (size_t i = 0; i < new_list.count; i++)
		graft_text_printf(text, "  %s\n", new_list.lines[i].text);
	return NULL;
}

struct graft_error *
graft_disassemble(const struct graft_patch_module *module,
		  const struct graft_image *old_image, struct graft_text *text)
{
	const struct names names = { module, old_image };

	for (size_t i = 0; i < module->carried_count; i++) {
		struct graft_error *err = put_piece(&names, &module->carried[i],
						    text);
		if (err)
			return err;
	}
	return NULL;
}
