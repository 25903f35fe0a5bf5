// SPDX-License-Identifier: Apache-2.0

#include "explain/html_func.h"

#include "explain/face.h"
#include "explain/html.h"

enum {
	/** Rows that do the same, shown before and behind a difference. */
	CONTEXT = 3,
	/** So few are not worth folding. */
	FOLD_MIN = 3,
};

static void
put_cell(struct graft_text *text, const char *side,
	 const struct graft_explained_insn *insn)
{
	graft_text_printf(text, "<div class=\"%s\">", side);
	if (insn->text) {
		graft_text_printf(text, "<i>%x</i><span>", insn->off);
		graft_html_put(text, insn->text);
		graft_text_put(text, "</span>");
	}
	graft_text_put(text, "</div>");
}

static void
put_row(struct graft_text *text, const struct graft_explained_row *row)
{
	char kind = !row->classes         ? 's'
		    : !row->new_insn.text ? 'd'
		    : !row->old_insn.text ? 'a'
					  : 'e';

	graft_text_printf(text, "<div class=\"r %c\">", kind);
	put_cell(text, "o", &row->old_insn);
	put_cell(text, "n", &row->new_insn);
	graft_text_put(text, "</div>\n");
}

/** Write where one side comes from, as file and line. */
static void
put_source(struct graft_text *text, const char *side,
	   const struct graft_explained_module *module,
	   const struct graft_explained_insn *insn)
{
	graft_text_printf(text, "<div class=\"%s\">", side);
	if (insn->text && insn->line) {
		graft_text_put(text, "<i></i><span title=\"");
		graft_html_put(text, module->files[insn->file]);
		graft_text_put(text, "\">");
		graft_html_put(text,
			       graft_face_base(module->files[insn->file]));
		graft_text_printf(text, ":%u</span>", insn->line);
	}
	graft_text_put(text, "</div>");
}

static bool
same_source(const struct graft_explained_insn *a,
	    const struct graft_explained_insn *b)
{
	return !a->text || !b->text ||
	       (a->line == b->line && a->file == b->file);
}

/** Write rows that do the same, folded, the new side only. */
static void
put_same(const struct graft_explained_func *func, size_t from, size_t end,
	 bool brief, struct graft_text *text)
{
	if (brief) {
		graft_text_printf(text, "<p class=\"gap\">%zu the same</p>\n",
				  end - from);
		return;
	}
	graft_text_printf(text,
			  "<details class=\"same\"><summary>%zu the same"
			  "</summary>\n",
			  end - from);
	for (size_t i = from; i < end; i++) {
		const struct graft_explained_row *row = &func->rows[i];
		put_cell(text, "n",
			 row->new_insn.text ? &row->new_insn : &row->old_insn);
		graft_text_put(text, "\n");
	}
	graft_text_put(text, "</details>\n");
}

static void
put_rows(const struct graft_explained_module *module,
	 const struct graft_explained_func *func, bool brief,
	 struct graft_text *text)
{
	const struct graft_explained_row none = { 0 };
	const struct graft_explained_row *last = &none;

	graft_text_printf(text, "<div class=\"rows%s\">\n",
			  func->fate == GRAFT_FATE_ADDED ? " one" : "");
	if (func->cut)
		graft_text_put(text, "<p class=\"empty\">Too long to be shown "
				     "side by side.</p>\n");
	for (size_t i = 0; i < func->row_count;) {
		size_t end = i;
		while (end < func->row_count &&
		       !graft_face_is_near(func, end, CONTEXT))
			end++;
		if (end - i >= FOLD_MIN) {
			put_same(func, i, end, brief, text);
			i = end;
			last = &none;
			continue;
		}
		const struct graft_explained_row *row = &func->rows[i++];
		bool has = row->old_insn.line || row->new_insn.line;
		if (has && (last == &none ||
			    !same_source(&row->old_insn, &last->old_insn) ||
			    !same_source(&row->new_insn, &last->new_insn))) {
			graft_text_put(text, "<div class=\"r p\">");
			put_source(text, "o", module, &row->old_insn);
			put_source(text, "n", module, &row->new_insn);
			graft_text_put(text, "</div>\n");
			last = row;
		}
		put_row(text, row);
	}
	graft_text_put(text, "</div>\n");
}

static void
put_chips(struct graft_text *text, const struct graft_explained_func *func)
{
	const char *name;

	for (unsigned i = 0; (name = graft_class_name(func->classes, i)); i++) {
		graft_text_put(text, "<span class=\"chip ");
		graft_html_put_class(text, name);
		graft_text_put(text, "\" title=\"");
		graft_html_put(text, graft_class_text(func->classes, i));
		graft_text_printf(text, "\">%s</span>", name);
	}
	if (func->fate == GRAFT_FATE_LEFT)
		graft_text_put(text, "<span class=\"chip\">stays</span>");
}

void
graft_html_put_func(const struct graft_explained_module *module, size_t m,
		    size_t f, bool brief, struct graft_text *text)
{
	const struct graft_explained_func *func = &module->funcs[f];
	const char *name;

	graft_text_printf(text,
			  "<details class=\"fn\" id=\"m%zuf%zu\" "
			  "data-classes=\"",
			  m, f);
	for (unsigned i = 0; (name = graft_class_name(func->classes, i)); i++) {
		graft_text_put(text, i ? " " : "");
		graft_html_put_class(text, name);
	}
	graft_text_put(text, "\"><summary><span class=\"name\">");
	graft_html_put(text, func->name);
	graft_text_put(text, "</span>");
	put_chips(text, func);
	if (func->fate == GRAFT_FATE_ADDED)
		graft_text_printf(text,
				  "<span class=\"size\">%llu bytes at "
				  "0x%llx</span>",
				  (unsigned long long)func->new_size,
				  (unsigned long long)func->new_addr);
	else
		graft_text_printf(text,
				  "<span class=\"size\" title=\"0x%llx in OLD, "
				  "0x%llx in NEW\">%llu &rarr; %llu bytes"
				  "</span>",
				  (unsigned long long)func->old_addr,
				  (unsigned long long)func->new_addr,
				  (unsigned long long)func->old_size,
				  (unsigned long long)func->new_size);
	graft_text_put(text, "<span class=\"why\">");
	graft_html_put(text, func->why);
	graft_text_put(text, "</span></summary>\n");
	put_rows(module, func, brief, text);
	graft_text_put(text, "</details>\n");
}
