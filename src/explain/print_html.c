// SPDX-License-Identifier: Apache-2.0

#include "explain/print.h"

#include "base/cleanup.h"
#include "explain/face.h"
#include "explain/html.h"
#include "explain/html_func.h"
#include "explain/page.h"
#include "explain/remedy.h"
#include "patch/print.h"

#include <string.h>

enum {
	/** Places of one rule that are shown at once. */
	PLACES = 6,
	CLASS_BITS = 16,
	/** With more rows than this, what does the same is only counted. */
	ROWS_FULL = 40000,
};

/** What is being written. */
struct page {
	const struct graft_explanation *explanation;
	const struct graft_patch *patch;
	struct graft_text *text;
	/** Of all modules. */
	struct graft_face_counts counts;
	size_t class_counts[CLASS_BITS];
	uint32_t classes;
	uint64_t bytes;
	size_t rows;
};

static void
count_all(struct page *page)
{
	for (size_t m = 0; m < page->explanation->count; m++) {
		const struct graft_explained_module *module =
			&page->explanation->modules[m];
		struct graft_face_counts counts = graft_face_count(module);
		page->counts.changed += counts.changed;
		page->counts.added += counts.added;
		page->counts.left += counts.left;
		page->bytes += page->patch->modules[m].carried_bytes;
		page->rows += module->row_count;
		for (size_t i = 0; i < module->func_count; i++) {
			uint32_t classes = module->funcs[i].classes;
			page->classes |= classes;
			for (unsigned bit = 0; bit < CLASS_BITS; bit++)
				page->class_counts[bit] += classes >> bit & 1;
		}
	}
}

static void
put_badge(const struct page *page, enum graft_verdict verdict)
{
	const char *name = graft_verdict_name(verdict);

	graft_text_printf(page->text, "<span class=\"badge %s\">%s</span>",
			  name, name);
}

static const char *
verdict_sentence(enum graft_verdict verdict)
{
	switch (verdict) {
	case GRAFT_VERDICT_HOTPATCH:
		return "The update can be made while programs run.";
	case GRAFT_VERDICT_BASELINE:
		return "At least one module needs a restart; the reasons stand "
		       "below, each with what would help.";
	default:
		return "Nothing is to be done: the same code runs on the same "
		       "data.";
	}
}

static struct graft_error *
put_head(const struct page *page)
{
	struct graft_text *text = page->text;
	const struct graft_patch *patch = page->patch;
	enum graft_verdict verdict = graft_patch_verdict(patch);
	const char *title = patch->title && *patch->title ? patch->title
			    : patch->module_count ? patch->modules[0].path
						  : "comparison";

	graft_text_put(text, "<!doctype html>\n<html lang=\"en\">\n<head>\n"
			     "<meta charset=\"utf-8\">\n"
			     "<meta http-equiv=\"Content-Security-Policy\" "
			     "content=\"default-src 'none'; base-uri 'none'; "
			     "form-action 'none'; style-src ");
	struct graft_error *err = graft_html_put_hash(text, graft_page_css);
	graft_text_put(text, "; script-src ");
	if (!err)
		err = graft_html_put_hash(text, graft_page_js);
	if (err)
		return err;
	graft_text_put(text,
		       "\">\n<meta name=\"viewport\" "
		       "content=\"width=device-width, initial-scale=1\">\n"
		       "<meta name=\"referrer\" content=\"no-referrer\">\n"
		       "<title>");
	graft_html_put(text, title);
	graft_text_printf(text, ": %s</title>\n<style>",
			  graft_verdict_name(verdict));
	graft_text_put(text, graft_page_css);
	graft_text_put(text, "</style>\n</head>\n<body>\n<header>\n"
			     "<p class=\"over\">Comparison of two builds</p>\n"
			     "<h1>");
	graft_html_put(text, title);
	graft_text_put(text, "</h1>\n");
	if (patch->cve_count) {
		graft_text_put(text, "<p class=\"sub\">Fixes ");
		for (size_t i = 0; i < patch->cve_count; i++) {
			graft_text_put(text, i ? ", " : "");
			graft_html_put(text, patch->cves[i]);
		}
		graft_text_put(text, "</p>\n");
	}
	graft_text_put(text, "<p class=\"verdict\">");
	put_badge(page, verdict);
	graft_text_printf(text, "<span>%s</span></p>\n</header>\n",
			  verdict_sentence(verdict));
	return NULL;
}

static void
put_card(const struct page *page, const char *name, uint64_t value)
{
	graft_text_printf(page->text, "<div><dt>%s</dt><dd>%llu</dd></div>\n",
			  name, (unsigned long long)value);
}

static void
put_summary(const struct page *page)
{
	struct graft_text *text = page->text;

	graft_text_put(text, "<dl class=\"cards\">\n");
	put_card(page, "Modules", page->patch->module_count);
	put_card(page, "Functions changed", page->counts.changed);
	put_card(page, "New functions", page->counts.added);
	put_card(page, "Differ and stay", page->counts.left);
	put_card(page, "Bytes carried", page->bytes);
	graft_text_put(text,
		       "</dl>\n<div class=\"wide\"><table>\n<thead><tr>"
		       "<th>Module</th><th>Verdict</th>"
		       "<th>Assurance</th><th class=\"n\">Changed</th>"
		       "<th class=\"n\">New</th>"
		       "<th class=\"n\">Stay</th>"
		       "<th class=\"n\">Bytes</th></tr></thead>\n<tbody>");
	for (size_t i = 0; i < page->explanation->count; i++) {
		const struct graft_patch_module *module =
			&page->patch->modules[i];
		struct graft_face_counts counts =
			graft_face_count(&page->explanation->modules[i]);
		graft_text_printf(
			text, "<tr><td class=\"path\"><a href=\"#m%zu\">", i);
		graft_html_put(text, module->path);
		graft_text_put(text, "</a></td><td>");
		put_badge(page, module->verdict);
		graft_text_printf(
			text,
			"</td><td>%s</td><td class=\"n\">%zu</td>"
			"<td class=\"n\">%zu</td><td class=\"n\">%zu</td>"
			"<td class=\"n\">%llu</td></tr>\n",
			module->assurance == GRAFT_ASSURANCE_NONE
				? "&ndash;"
				: graft_assurance_name(module->assurance),
			counts.changed, counts.added, counts.left,
			(unsigned long long)module->carried_bytes);
	}
	graft_text_put(text, "</tbody></table></div>\n");
}

/** The filter; hidden until the script shows it. */
static void
put_bar(const struct page *page)
{
	struct graft_text *text = page->text;
	const char *name;

	graft_text_put(text,
		       "<div class=\"bar\" hidden><input id=\"filter\" "
		       "type=\"search\" autocomplete=\"off\" "
		       "aria-label=\"Filter functions\" placeholder=\"Filter: "
		       "function, file, instruction, text  ( / )\">\n");
	for (unsigned i = 0; (name = graft_class_name(page->classes, i)); i++) {
		uint32_t bits = page->classes;
		for (unsigned k = 0; k < i; k++)
			bits &= bits - 1;
		graft_text_put(text, "<button type=\"button\" "
				     "aria-pressed=\"false\" data-class=\"");
		graft_html_put_class(text, name);
		graft_text_put(text, "\" title=\"");
		graft_html_put(text, graft_class_text(page->classes, i));
		graft_text_printf(text, "\">%s %zu</button>\n", name,
				  page->class_counts[__builtin_ctz(bits)]);
	}
	graft_text_put(text, "<button type=\"button\" id=\"toggle\">Open all"
			     "</button><span class=\"count\"></span></div>\n");
}

/** Write a sentence; what stands between backquotes is code. */
static void
put_sentence(struct graft_text *text, const char *str)
{
	bool code = false;

	while (*str) {
		size_t len = strcspn(str, "`");
		GRAFT_FREE char *part = strndup(str, len);
		if (!part) {
			text->failed = true;
			return;
		}
		graft_html_put(text, part);
		str += len;
		// One that nobody closes is only a backquote.
		if (*str && (code || strchr(str + 1, '`'))) {
			graft_text_put(text, code ? "</code>" : "<code>");
			code = !code;
			str++;
		} else if (*str) {
			graft_text_put(text, "`");
			str++;
		}
	}
}

/** Write one place of a rule. */
static void
put_place(const struct page *page, size_t m, const struct graft_reason *reason)
{
	struct graft_text *text = page->text;
	size_t func = graft_face_find(&page->explanation->modules[m], reason);

	graft_text_put(text, "<li>");
	if (*reason->where && func != GRAFT_FACE_NONE)
		graft_text_printf(text, "<a href=\"#m%zuf%zu\">", m, func);
	if (*reason->where) {
		graft_text_put(text, "<code>");
		graft_html_put(text, reason->where);
		graft_text_put(text, "</code>");
	}
	if (*reason->where && func != GRAFT_FACE_NONE)
		graft_text_put(text, "</a>");
	graft_text_put(text, *reason->where ? ": " : "");
	put_sentence(text, reason->text);
	graft_text_put(text, "</li>\n");
}

/** Find the end of the reasons of one rule that begin at @p from. */
static size_t
end_of_rule(const struct graft_patch_module *module, size_t from)
{
	size_t end = from + 1;

	while (end < module->reason_count &&
	       module->reasons[end].note == module->reasons[from].note &&
	       strcmp(module->reasons[end].rule, module->reasons[from].rule) ==
		       0)
		end++;
	return end;
}

/** Write the refusals, or the notes. */
static void
put_reasons(const struct page *page, size_t m, bool notes)
{
	const struct graft_patch_module *module = &page->patch->modules[m];
	struct graft_text *text = page->text;

	for (size_t i = 0; i < module->reason_count;) {
		const struct graft_reason *first = &module->reasons[i];
		size_t end = end_of_rule(module, i);
		size_t shown = 0;
		if (first->note != notes) {
			i = end;
			continue;
		}
		graft_text_printf(text,
				  "<div class=\"reason%s\"><div class=\"rule\">"
				  "<b>",
				  first->note ? " note" : "");
		graft_html_put(text, first->rule);
		graft_text_put(text, "</b>");
		graft_html_put(text, graft_remedy_about(first->rule));
		graft_text_printf(text, "%s</div>\n<ul>\n",
				  first->note ? " (a note)" : "");
		for (; i < end && shown < PLACES; i++, shown++)
			put_place(page, m, &module->reasons[i]);
		graft_text_put(text, "</ul>\n");
		if (i < end) {
			graft_text_printf(text,
					  "<details><summary>%zu more"
					  "</summary><ul>\n",
					  end - i);
			for (; i < end; i++)
				put_place(page, m, &module->reasons[i]);
			graft_text_put(text, "</ul></details>\n");
		}
		if (*graft_face_remedy(first)) {
			graft_text_printf(text, "<p class=\"help\"><b>%s</b> ",
					  first->note ? "Advice:"
						      : "What would help:");
			graft_html_put(text, graft_face_remedy(first));
			graft_text_put(text, "</p>\n");
		}
		graft_text_put(text, "</div>\n");
	}
}

static void
put_module(const struct page *page, size_t m)
{
	const struct graft_explained_module *module =
		&page->explanation->modules[m];
	struct graft_text *text = page->text;

	graft_text_printf(text, "<section id=\"m%zu\"><div class=\"head\"><h2>",
			  m);
	graft_html_put(text, page->patch->modules[m].path);
	graft_text_put(text, "</h2>");
	put_badge(page, page->patch->modules[m].verdict);
	graft_text_put(text, "</div>\n");
	if (page->patch->modules[m].reason_count)
		graft_text_put(text, "<h3>What the verdict rests on</h3>\n");
	put_reasons(page, m, false);
	put_reasons(page, m, true);
	if (module->func_count)
		graft_text_put(text, "<h3>Functions</h3>\n");
	for (size_t f = 0; f < module->func_count; f++)
		graft_html_put_func(module, m, f, page->rows > ROWS_FULL, text);
	if (!module->func_count && !page->patch->modules[m].reason_count)
		graft_text_put(text, "<p class=\"empty\">Nothing in it "
				     "changed.</p>\n");
	graft_text_put(text, "</section>\n");
}

static void
put_foot(const struct page *page)
{
	struct graft_text *text = page->text;
	const char *caveat = "";
	const char *name;

	for (size_t i = 0; i < page->patch->module_count; i++) {
		if (page->patch->modules[i].assurance != GRAFT_ASSURANCE_NONE)
			caveat = graft_assurance_caveat(
				page->patch->modules[i].assurance);
	}
	graft_text_put(text, "<footer>\n");
	if (*caveat) {
		graft_text_put(text, "<p>");
		graft_html_put(text, caveat);
		graft_text_put(text, "</p>\n");
	}
	if (page->classes) {
		graft_text_put(text, "<dl>\n");
		for (unsigned i = 0;
		     (name = graft_class_name(page->classes, i)); i++) {
			graft_text_put(text, "<dt><span class=\"chip ");
			graft_html_put_class(text, name);
			graft_text_printf(text, "\">%s</span></dt><dd>", name);
			graft_html_put(text,
				       graft_class_text(page->classes, i));
			graft_text_put(text, "</dd>\n");
		}
		graft_text_put(text, "</dl>\n");
	}
	graft_text_put(text, "<p>Left is the old build, right the new one. "
			     "Offsets count from the start of the function. "
			     "Made by ");
	graft_html_put(text, page->patch->toolchain ? page->patch->toolchain
						    : "graft");
	graft_text_put(text, ".</p>\n</footer>\n");
}

struct graft_error *
graft_explain_print_html(const struct graft_explanation *explanation,
			 const struct graft_patch *patch,
			 struct graft_text *text)
{
	struct page page = { .explanation = explanation,
			     .patch = patch,
			     .text = text };

	count_all(&page);
	struct graft_error *err = put_head(&page);
	if (err)
		return err;
	graft_text_put(text, "<main>\n");
	put_summary(&page);
	put_bar(&page);
	for (size_t i = 0; i < explanation->count; i++)
		put_module(&page, i);
	graft_text_put(text, "</main>\n");
	put_foot(&page);
	graft_text_put(text, "<script>");
	graft_text_put(text, graft_page_js);
	graft_text_put(text, "</script>\n</body>\n</html>\n");
	return NULL;
}
