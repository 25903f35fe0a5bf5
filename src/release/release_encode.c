// SPDX-License-Identifier: Apache-2.0

#include "release/release.h"

#include "trust/json.h"

#include <inttypes.h>
#include <string.h>

/** Append a member that is a text; null without. */
static void
put_text(struct graft_text *out, const char *key, const char *text)
{
	graft_text_printf(out, "\"%s\":", key);
	if (text)
		graft_json_put_string(out, text, strlen(text));
	else
		graft_text_put(out, "null");
}

static void
put_bool(struct graft_text *out, const char *key, bool value)
{
	graft_text_printf(out, "\"%s\":%s", key, value ? "true" : "false");
}

static void
put_words(struct graft_text *out, const char *key,
	  const struct graft_words *words)
{
	graft_text_printf(out, "\"%s\":[", key);
	for (size_t i = 0; i < words->count; i++) {
		graft_text_put(out, i ? "," : "");
		graft_json_put_string(out, words->list[i],
				      strlen(words->list[i]));
	}
	graft_text_put(out, "]");
}

static void
put_forms(struct graft_text *out, const struct graft_release *release)
{
	graft_text_put(out, "\"forms\":[");
	for (size_t i = 0; i < release->form_count; i++) {
		const struct graft_release_form *form = &release->forms[i];
		graft_text_printf(
			out, "%s{\"kind\":\"%s\",\"length\":%" PRIu64 ",",
			i ? "," : "", graft_release_kind_name(form->kind),
			form->length);
		put_text(out, "path", form->path);
		graft_text_put(out, ",");
		put_text(out, "sha256", form->sha256);
		graft_text_put(out, "}");
	}
	graft_text_put(out, "]");
}

static void
put_modules(struct graft_text *out, const struct graft_release *release)
{
	graft_text_put(out, "\"modules\":[");
	for (size_t i = 0; i < release->module_count; i++) {
		const struct graft_release_module *m = &release->modules[i];
		graft_text_put(out, i ? ",{" : "{");
		put_text(out, "assurance", m->assurance);
		graft_text_put(out, ",");
		put_text(out, "new_build_id", m->new_build_id);
		graft_text_put(out, ",");
		put_text(out, "old_build_id", m->old_build_id);
		graft_text_put(out, ",");
		put_text(out, "path", m->path);
		graft_text_put(out, ",");
		put_text(out, "verdict", m->verdict);
		graft_text_put(out, "}");
	}
	graft_text_put(out, "]");
}

static void
put_packages(struct graft_text *out, const struct graft_release *release)
{
	graft_text_put(out, "\"packages\":[");
	for (size_t i = 0; i < release->package_count; i++) {
		const struct graft_release_package *p = &release->packages[i];
		graft_text_put(out, i ? ",{" : "{");
		put_text(out, "name", p->name);
		graft_text_put(out, ",");
		put_text(out, "old_version", p->old_version);
		graft_text_put(out, ",");
		put_text(out, "version", p->version);
		graft_text_put(out, "}");
	}
	graft_text_put(out, "]");
}

// In the order of the keys, as canonical JSON has them.
void
graft_release_encode(const struct graft_release *release,
		     struct graft_text *out)
{
	graft_text_put(out, "{");
	put_words(out, "articles", &release->articles);
	graft_text_put(out, ",");
	put_text(out, "classification",
		 graft_release_class_name(release->classification));
	graft_text_put(out, ",");
	put_text(out, "cumulative", release->cumulative);
	graft_text_put(out, ",");
	put_words(out, "cves", &release->cves);
	graft_text_put(out, ",");
	put_text(out, "date", release->date);
	graft_text_put(out, ",\"format\":1,");
	put_forms(out, release);
	graft_text_put(out, ",");
	put_text(out, "id", release->id);
	graft_text_put(out, ",");
	put_bool(out, "keeps_track", release->keeps_track);
	graft_text_printf(out, ",\"leaves_track\":%" PRIu64 ",",
			  release->leaves_track);
	put_text(out, "level", graft_level_write(release->level).str);
	graft_text_put(out, ",");
	put_text(out, "line", graft_release_line_name(release->line));
	graft_text_put(out, ",");
	put_modules(out, release);
	graft_text_put(out, ",");
	put_packages(out, release);
	graft_text_put(out, ",");
	put_text(out, "requires_baseline", release->requires_baseline);
	graft_text_put(out, ",");
	put_bool(out, "restart", release->restart);
	graft_text_put(out, ",");
	put_text(out, "severity",
		 graft_release_severity_name(release->severity));
	graft_text_put(out, ",");
	put_words(out, "supersedes", &release->supersedes);
	graft_text_put(out, ",");
	put_text(out, "title", release->title);
	graft_text_put(out, "}\n");
}
