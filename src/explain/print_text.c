// SPDX-License-Identifier: Apache-2.0

#include "explain/print.h"

#include "explain/face.h"
#include "explain/remedy.h"

#include <stdio.h>
#include <string.h>

enum {
	/** Rows that do the same, shown before and behind a difference. */
	CONTEXT = 2,
	/** Columns of one side if the width is not known, and at least. */
	COLUMN = 60,
	COLUMN_MIN = 24,
	/** Columns of running text if the width is not known. */
	PROSE = 100,
	PROSE_MIN = 40,
	INDENT = 6,
};

static const char red[] = "\033[31m";
static const char green[] = "\033[32m";
static const char yellow[] = "\033[33m";
static const char bold[] = "\033[1m";
static const char dim[] = "\033[2m";
static const char plain[] = "\033[0m";

/** What is being written. */
struct page {
	const struct graft_explain_style *style;
	struct graft_text *text;
	/** Columns of one side. */
	unsigned column;
	bool cut;
};

static void
put_color(const struct page *page, const char *color)
{
	if (page->style->color)
		graft_text_put(page->text, color);
}

/** Count the characters of UTF-8 text. */
static unsigned
width_of(const char *str)
{
	unsigned width = 0;

	for (; *str; str++)
		width += ((unsigned char)*str & 0xc0) != 0x80;
	return width;
}

/** Append text in a column: cut if it is too long, filled if it is too short. */
static void
put_cell(const struct page *page, const char *str, bool fill)
{
	unsigned width = width_of(str);

	if (page->cut && width > page->column) {
		size_t len = 0;
		for (unsigned n = 0; str[len]; len++) {
			n += ((unsigned char)str[len] & 0xc0) != 0x80;
			if (n > page->column - 1)
				break;
		}
		graft_text_put_bytes(page->text, str, len);
		graft_text_put(page->text, "~");
		return;
	}
	graft_text_put(page->text, str);
	for (; fill && width < page->column; width++)
		graft_text_put(page->text, " ");
}

/** Append running text, broken at blanks, each line indented. */
static void
put_prose(const struct page *page, const char *str, unsigned indent)
{
	unsigned width = page->style->width ? page->style->width : PROSE;
	unsigned room = width > indent + PROSE_MIN ? width - indent : PROSE_MIN;

	while (*str) {
		size_t len = strlen(str);
		size_t end = len;
		if (len > room) {
			end = room;
			while (end > 0 && str[end] != ' ')
				end--;
			if (end == 0)
				end = strcspn(str, " ");
		}
		graft_text_printf(page->text, "%*s", (int)indent, "");
		graft_text_put_bytes(page->text, str, end);
		graft_text_put(page->text, "\n");
		str += end;
		str += strspn(str, " ");
	}
}

static void
put_reasons(const struct page *page, const struct graft_patch_module *patch)
{
	for (size_t i = 0; i < patch->reason_count; i++) {
		const struct graft_reason *reason = &patch->reasons[i];
		bool again = i > 0 && strcmp(patch->reasons[i - 1].rule,
					     reason->rule) == 0;
		bool more = i + 1 < patch->reason_count &&
			    strcmp(patch->reasons[i + 1].rule, reason->rule) ==
				    0;

		if (!again) {
			put_color(page, reason->note ? yellow : red);
			graft_text_printf(page->text, "  %s", reason->rule);
			put_color(page, plain);
			graft_text_printf(page->text, " %s%s\n",
					  graft_remedy_about(reason->rule),
					  reason->note ? " (note)" : "");
		}
		graft_text_printf(page->text, "    %s%s", reason->where,
				  *reason->where ? ":\n" : "");
		put_prose(page, reason->text, INDENT);
		if (more)
			continue;
		put_color(page, dim);
		put_prose(page, graft_face_remedy(reason), INDENT);
		put_color(page, plain);
	}
}

static void
put_place(char *buf, size_t len, const struct graft_explained_module *module,
	  const struct graft_explained_insn *insn)
{
	buf[0] = '\0';
	if (insn->text && insn->line)
		snprintf(buf, len, "%.200s:%u",
			 graft_face_base(module->files[insn->file]),
			 insn->line);
}

/** Append where both sides come from, if that is news. */
static void
put_places(const struct page *page, const struct graft_explained_module *module,
	   const struct graft_explained_row *row, char last[2][256])
{
	char place[2][256];
	bool news = false;

	put_place(place[0], sizeof(place[0]), module, &row->old_insn);
	put_place(place[1], sizeof(place[1]), module, &row->new_insn);
	for (int i = 0; i < 2; i++) {
		if (!place[i][0] || strcmp(place[i], last[i]) == 0)
			continue;
		memcpy(last[i], place[i], sizeof(place[i]));
		news = true;
	}
	if (!news)
		return;
	put_color(page, dim);
	graft_text_put(page->text, "    ");
	put_cell(page, place[0], *place[1]);
	graft_text_put(page->text, *place[1] ? "   " : "");
	put_cell(page, place[1], false);
	put_color(page, plain);
	graft_text_put(page->text, "\n");
}

static void
put_row(const struct page *page, const struct graft_explained_row *row)
{
	const char *o = row->old_insn.text;
	const char *n = row->new_insn.text;
	const char *mark = !row->classes ? " " : !n ? "<" : !o ? ">" : "|";

	put_color(page, !row->classes ? "" : !n ? red : !o ? green : yellow);
	graft_text_put(page->text, "    ");
	put_cell(page, o ? o : "", true);
	graft_text_printf(page->text, " %s", mark);
	graft_text_put(page->text, n ? " " : "");
	put_cell(page, n ? n : "", false);
	put_color(page, row->classes ? plain : "");
	graft_text_put(page->text, "\n");
}

static void
put_rows(const struct page *page, const struct graft_explained_module *module,
	 const struct graft_explained_func *func)
{
	char last[2][256] = { "", "" };
	size_t same = 0;

	if (func->cut)
		graft_text_put(page->text,
			       "    (too long to be shown side by side)\n");
	for (size_t i = 0; i <= func->row_count; i++) {
		bool near = i < func->row_count &&
			    graft_face_is_near(func, i, CONTEXT);
		if (i < func->row_count && !near) {
			same++;
			continue;
		}
		if (same) {
			put_color(page, dim);
			graft_text_printf(page->text,
					  "    ... %zu the same ...\n", same);
			put_color(page, plain);
		}
		same = 0;
		if (i == func->row_count)
			break;
		put_places(page, module, &func->rows[i], last);
		put_row(page, &func->rows[i]);
	}
}

static void
put_func(const struct page *page, const struct graft_explained_module *module,
	 const struct graft_explained_func *func)
{
	const char *name;

	graft_text_put(page->text, "\n  ");
	put_color(page, bold);
	graft_text_put(page->text, func->name);
	put_color(page, plain);
	graft_text_put(page->text, ": ");
	for (unsigned i = 0; (name = graft_class_name(func->classes, i)); i++)
		graft_text_printf(page->text, "%s%s", i ? ", " : "", name);
	if (func->fate == GRAFT_FATE_LEFT)
		graft_text_put(page->text, "; stays as it is");
	graft_text_put(page->text, "\n    ");
	if (func->fate == GRAFT_FATE_ADDED)
		graft_text_printf(page->text, "%llu bytes at 0x%llx of NEW\n",
				  (unsigned long long)func->new_size,
				  (unsigned long long)func->new_addr);
	else
		graft_text_printf(page->text,
				  "%llu bytes at 0x%llx became %llu at 0x%llx; "
				  "%s\n",
				  (unsigned long long)func->old_size,
				  (unsigned long long)func->old_addr,
				  (unsigned long long)func->new_size,
				  (unsigned long long)func->new_addr,
				  func->why);
	put_rows(page, module, func);
}

static void
put_module(const struct page *page, const struct graft_explained_module *module,
	   const struct graft_patch_module *patch)
{
	struct graft_face_counts counts = graft_face_count(module);

	put_color(page, bold);
	graft_text_put_safe(page->text, patch->path);
	put_color(page, plain);
	graft_text_put(page->text, ": ");
	put_color(page, patch->verdict == GRAFT_VERDICT_HOTPATCH   ? green
			: patch->verdict == GRAFT_VERDICT_BASELINE ? red
								   : "");
	graft_text_put(page->text, graft_verdict_name(patch->verdict));
	put_color(page, plain);
	if (patch->assurance != GRAFT_ASSURANCE_NONE)
		graft_text_printf(page->text, ", %s",
				  graft_assurance_name(patch->assurance));
	if (module->made)
		graft_text_printf(
			page->text,
			"; functions: %zu changed, %zu new, %zu differ "
			"and stay",
			counts.changed, counts.added, counts.left);
	graft_text_put(page->text, "\n");
	put_reasons(page, patch);
	for (size_t i = 0; i < module->func_count; i++)
		put_func(page, module, &module->funcs[i]);
}

void
graft_explain_print_text(const struct graft_explanation *explanation,
			 const struct graft_patch *patch,
			 const struct graft_explain_style *style,
			 struct graft_text *text)
{
	struct page page = { .style = style, .text = text, .column = COLUMN };

	if (style->width) {
		unsigned half = style->width > 8 ? (style->width - 7) / 2 : 0;
		page.column = half > COLUMN_MIN ? half : COLUMN_MIN;
		page.cut = true;
	}
	for (size_t i = 0; i < explanation->count && i < patch->module_count;
	     i++) {
		if (i)
			graft_text_put(text, "\n");
		put_module(&page, &explanation->modules[i], &patch->modules[i]);
	}
}
