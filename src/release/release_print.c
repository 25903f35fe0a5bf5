// SPDX-License-Identifier: Apache-2.0

#include "release/release_print.h"

#include "trust/json.h"

#include <inttypes.h>
#include <string.h>

/** Go over releases, the newest first: by date, and those of a day by id. */
static int
newer(const void *a, const void *b)
{
	const struct graft_release *one = *(struct graft_release *const *)a;
	const struct graft_release *two = *(struct graft_release *const *)b;
	const int order = strcmp(two->date, one->date);

	return order ? order : strcmp(two->id, one->id);
}

/** Get the list in that order; NULL: no memory. The caller frees it. */
static struct graft_release **
sorted(const struct graft_catalogue *catalogue, struct graft_text *out)
{
	struct graft_release **list = calloc(catalogue->count + 1,
					     sizeof(*list));

	if (!list) {
		out->failed = true;
		return NULL;
	}
	if (catalogue->count) {
		memcpy(list, catalogue->list, catalogue->count * sizeof(*list));
		qsort(list, catalogue->count, sizeof(*list), newer);
	}
	return list;
}

void
graft_catalogue_print_list(const struct graft_catalogue *catalogue,
			   struct graft_text *out)
{
	GRAFT_FREE struct graft_release **list = sorted(catalogue, out);

	for (size_t i = 0; list && i < catalogue->count; i++) {
		const struct graft_release *r = list[i];
		graft_text_printf(
			out, "%s  %s  %-11s  %-9s  %-8s  ", r->id, r->date,
			graft_release_line_name(r->line),
			graft_release_severity_name(r->severity),
			graft_catalogue_is_superseded(catalogue, r->id)
				? "replaced"
			: r->restart ? "restarts"
				     : "live");
		graft_text_put_safe(out, r->title);
		graft_text_put(out, "\n");
	}
}

static void
put_words(struct graft_text *out, const char *what,
	  const struct graft_words *words)
{
	if (!words->count)
		return;
	graft_text_printf(out, "%s", what);
	for (size_t i = 0; i < words->count; i++) {
		graft_text_put(out, i ? ", " : " ");
		graft_text_put_safe(out, words->list[i]);
	}
	graft_text_put(out, "\n");
}

static void
put_files(const struct graft_release *release, struct graft_text *out)
{
	for (size_t i = 0; i < release->package_count; i++) {
		const struct graft_release_package *p = &release->packages[i];
		graft_text_put(out, "package: ");
		graft_text_put_safe(out, p->name);
		graft_text_put(out, " ");
		if (p->old_version) {
			graft_text_put_safe(out, p->old_version);
			graft_text_put(out, " -> ");
		}
		graft_text_put_safe(out, p->version);
		graft_text_put(out, "\n");
	}
	for (size_t i = 0; i < release->module_count; i++) {
		const struct graft_release_module *m = &release->modules[i];
		graft_text_put(out, "module: ");
		graft_text_put_safe(out, m->path);
		graft_text_put(out, " ");
		if (m->old_build_id) {
			graft_text_put_safe(out, m->old_build_id);
			graft_text_put(out, " -> ");
		}
		graft_text_put_safe(out, m->new_build_id);
		if (m->verdict) {
			graft_text_put(out, ", ");
			graft_text_put_safe(out, m->verdict);
		}
		if (m->assurance) {
			graft_text_put(out, ", ");
			graft_text_put_safe(out, m->assurance);
		}
		graft_text_put(out, "\n");
	}
	for (size_t i = 0; i < release->form_count; i++) {
		const struct graft_release_form *f = &release->forms[i];
		graft_text_printf(out, "%s: %" PRIu64 " bytes, ",
				  graft_release_kind_name(f->kind), f->length);
		graft_text_put_safe(out, f->path);
		graft_text_put(out, "\n");
	}
}

void
graft_release_print(const struct graft_catalogue *catalogue,
		    const struct graft_release *release, struct graft_text *out)
{
	graft_text_printf(out, "%s: ", release->id);
	graft_text_put_safe(out, release->title);
	graft_text_printf(out, "\n%s, %s, %s, %s; level %s\n",
			  graft_release_line_name(release->line), release->date,
			  graft_release_class_name(release->classification),
			  graft_release_severity_name(release->severity),
			  graft_level_write(release->level).str);
	graft_text_printf(out, "%s, %s\n",
			  release->restart ? "restarts" : "no restart",
			  release->keeps_track ? "keeps the hotpatch track"
					       : "leaves the hotpatch track");
	if (release->leaves_track)
		graft_text_printf(out, "devices that leave it: %" PRIu64 "\n",
				  release->leaves_track);
	put_words(out, "fixes:", &release->cves);
	put_words(out, "articles:", &release->articles);
	if (release->requires_baseline)
		graft_text_printf(out, "requires: %s\n",
				  release->requires_baseline);
	if (release->cumulative)
		graft_text_printf(out, "for those who cannot have it: %s\n",
				  release->cumulative);
	put_words(out, "supersedes:", &release->supersedes);
	for (size_t i = 0; i < catalogue->count; i++) {
		if (graft_words_have(&catalogue->list[i]->supersedes,
				     release->id))
			graft_text_printf(out, "superseded by: %s\n",
					  catalogue->list[i]->id);
	}
	put_files(release, out);
}

/** Add up the forms of a kind. */
static uint64_t
sum(const struct graft_release *release, enum graft_release_kind kind)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < release->form_count; i++) {
		if (release->forms[i].kind == kind &&
		    __builtin_add_overflow(bytes, release->forms[i].length,
					   &bytes))
			return UINT64_MAX;
	}
	return bytes;
}

struct graft_release_sizes
graft_release_measure(const struct graft_catalogue *catalogue,
		      const struct graft_release *release)
{
	const struct graft_release *cumulative =
		graft_catalogue_find(catalogue, release->cumulative);
	struct graft_release_sizes sizes = {
		.hotpatch = sum(release, GRAFT_RELEASE_FORM_HOTPATCH),
		.delta = sum(release, GRAFT_RELEASE_FORM_DELTA),
		.package = sum(release, GRAFT_RELEASE_FORM_PACKAGE),
	};

	if (!sizes.package && cumulative)
		sizes.package = sum(cumulative, GRAFT_RELEASE_FORM_PACKAGE);
	// A delta does all that a hotpatch does, and the disk.
	sizes.sent = sizes.delta ? sizes.delta : sizes.hotpatch;
	return sizes;
}

/** Compute what a fleet does not have to fetch. */
static uint64_t
saved(const struct graft_release_sizes *sizes, uint64_t fleet)
{
	uint64_t bytes;

	if (!sizes->sent || sizes->sent >= sizes->package)
		return 0;
	if (__builtin_mul_overflow(sizes->package - sizes->sent, fleet, &bytes))
		return UINT64_MAX;
	return bytes;
}

void
graft_catalogue_print_sizes(const struct graft_catalogue *catalogue,
			    uint64_t fleet, struct graft_text *out)
{
	GRAFT_FREE struct graft_release **list = sorted(catalogue, out);
	uint64_t total = 0;

	graft_text_printf(out, "%-12s  %-11s %12s %12s %14s %8s\n", "release",
			  "line", "hotpatch", "delta", "cumulative", "smaller");
	for (size_t i = 0; list && i < catalogue->count; i++) {
		const struct graft_release_sizes sizes =
			graft_release_measure(catalogue, list[i]);
		graft_text_printf(out,
				  "%-12s  %-11s %12" PRIu64 " %12" PRIu64
				  " %14" PRIu64 " ",
				  list[i]->id,
				  graft_release_line_name(list[i]->line),
				  sizes.hotpatch, sizes.delta, sizes.package);
		if (sizes.sent && sizes.package)
			graft_text_printf(out, "%7.1fx\n",
					  (double)sizes.package /
						  (double)sizes.sent);
		else
			graft_text_printf(out, "%8s\n", "-");
		if (__builtin_add_overflow(total, saved(&sizes, fleet), &total))
			total = UINT64_MAX;
	}
	if (fleet)
		graft_text_printf(out,
				  "A fleet of %" PRIu64
				  " devices that can have hotpatches fetches "
				  "%" PRIu64 " bytes less.\n",
				  fleet, total);
}

void
graft_catalogue_print_sizes_json(const struct graft_catalogue *catalogue,
				 uint64_t fleet, struct graft_text *out)
{
	GRAFT_FREE struct graft_release **list = sorted(catalogue, out);
	uint64_t total = 0;

	graft_text_put(out, "{\"releases\":[");
	for (size_t i = 0; list && i < catalogue->count; i++) {
		const struct graft_release_sizes sizes =
			graft_release_measure(catalogue, list[i]);
		const uint64_t less = saved(&sizes, fleet);
		graft_text_printf(
			out,
			"%s\n{\"id\":\"%s\",\"line\":\"%s\","
			"\"hotpatch\":%" PRIu64 ",\"delta\":%" PRIu64
			",\"cumulative\":%" PRIu64 ",\"sent\":%" PRIu64
			",\"saved\":%" PRIu64 "}",
			i ? "," : "", list[i]->id,
			graft_release_line_name(list[i]->line), sizes.hotpatch,
			sizes.delta, sizes.package, sizes.sent, less);
		if (__builtin_add_overflow(total, less, &total))
			total = UINT64_MAX;
	}
	graft_text_printf(out,
			  "],\n\"fleet\":%" PRIu64 ",\"saved\":%" PRIu64 "}\n",
			  fleet, total);
}
