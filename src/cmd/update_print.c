// SPDX-License-Identifier: Apache-2.0

#include "cmd/update.h"

#include "release/eligible_print.h"
#include "report/quote.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>

const char *
graft_update_result_name(enum graft_update_result result)
{
	static const char *const names[GRAFT_UPDATE_RESULTS] = {
		[GRAFT_UPDATE_WANTED] = "wanted",
		[GRAFT_UPDATE_INSTALLED] = "installed",
		[GRAFT_UPDATE_ALREADY] = "already",
		[GRAFT_UPDATE_NOT_HERE] = "not-here",
		[GRAFT_UPDATE_PARTLY] = "partly",
		[GRAFT_UPDATE_REFUSED] = "refused",
	};

	return names[result];
}

/** The same for people. */
static const char *
phrase(enum graft_update_result result)
{
	static const char *const phrases[GRAFT_UPDATE_RESULTS] = {
		[GRAFT_UPDATE_WANTED] = "would be fetched and installed",
		[GRAFT_UPDATE_INSTALLED] = "installed",
		[GRAFT_UPDATE_ALREADY] = "nothing was to be done",
		[GRAFT_UPDATE_NOT_HERE] = "its package is not on this device",
		[GRAFT_UPDATE_PARTLY] =
			"installed; some processes run old code still",
		[GRAFT_UPDATE_REFUSED] = "refused",
	};

	return phrases[result];
}

/** Append lines, each with something before it. */
static void
put_lines(struct graft_text *text, const char *before,
	  const struct graft_text *lines)
{
	for (const char *at = graft_text_str(lines); *at;) {
		const size_t len = strcspn(at, "\n");
		graft_text_put(text, before);
		graft_text_put_bytes(text, at, len);
		graft_text_put(text, "\n");
		at += len + (at[len] == '\n');
	}
}

/** Say what becomes of packages. */
static void
put_packages(const struct graft_update *update, struct graft_text *text)
{
	const struct graft_apt_plan *plan = &update->cumulative.plan;

	put_lines(text, "    upgraded: ", &plan->upgrades);
	put_lines(text, "    newly needed: ", &plan->additions);
	if (update->waits)
		graft_text_put(text, "its packages are here; it takes effect "
				     "with a restart: graft restart status\n");
}

/** Say what repositories do not agree about. */
static void
put_disagreements(const struct graft_update *update, struct graft_text *text)
{
	const struct graft_agreed *agreed =
		graft_repositories_agreed(update->repositories);

	for (size_t i = 0; i < agreed->disagreement_count; i++) {
		const struct graft_disagreement *one =
			&agreed->disagreements[i];
		graft_text_printf(text, "%s%s: repository %s ", one->release,
				  one->counts ? "" : " does not count",
				  one->repository);
		graft_text_put_safe(text, one->what);
		graft_text_put(text, "\n");
	}
	if (agreed->disagreements_left_out)
		graft_text_printf(text,
				  "and of %zu more releases the repositories "
				  "do not say the same\n",
				  agreed->disagreements_left_out);
}

struct graft_error *
graft_update_print(const struct graft_update *update, struct graft_text *text)
{
	const struct graft_choice *choice = &update->choice;
	const struct graft_decided decided = { &update->facts,
					       choice->eligibility };

	graft_eligible_print_text(&decided, 1, &choice->policy, true, text);
	for (size_t i = 0; i < choice->count; i++) {
		const struct graft_release *r = choice->releases[i];
		graft_text_printf(text, "%s  %s  ", r->id,
				  graft_release_line_name(r->line));
		graft_text_put_safe(text, r->title);
		graft_text_put(text, "\n");
	}
	for (size_t i = 0; i < update->file_count; i++) {
		const struct graft_update_file *file = &update->files[i];
		graft_text_put(text, "    ");
		graft_text_put_safe(text, file->form->path);
		graft_text_printf(text, ": %s", phrase(file->result));
		if (file->why) {
			graft_text_put(text, ": ");
			graft_text_put_safe(text, file->why);
		}
		graft_text_put(text, "\n");
	}
	put_packages(update, text);
	put_disagreements(update, text);
	if (update->raised)
		graft_text_printf(
			text, "this device is at %s now\n",
			graft_level_write(
				choice->releases[choice->count - 1]->level)
				.str);
	return text->failed ? graft_error_no_memory() : NULL;
}

static bool
add_release(cJSON *list, const struct graft_release *release)
{
	cJSON *item = cJSON_CreateObject();

	return item && cJSON_AddItemToArray(list, item) &&
	       cJSON_AddStringToObject(item, "id", release->id) &&
	       cJSON_AddStringToObject(
		       item, "line", graft_release_line_name(release->line)) &&
	       cJSON_AddStringToObject(item, "level",
				       graft_level_write(release->level).str) &&
	       cJSON_AddStringToObject(item, "date", release->date) &&
	       cJSON_AddBoolToObject(item, "restart", release->restart) &&
	       graft_report_add_string(item, "title", release->title);
}

static bool
add_file(cJSON *list, const struct graft_update_file *file)
{
	cJSON *item = cJSON_CreateObject();

	return item && cJSON_AddItemToArray(list, item) &&
	       graft_report_add_string(item, "path", file->form->path) &&
	       cJSON_AddNumberToObject(item, "length",
				       (double)file->form->length) &&
	       cJSON_AddStringToObject(
		       item, "result",
		       graft_update_result_name(file->result)) &&
	       (!file->why || graft_report_add_string(item, "why", file->why));
}

/** Add the repositories that there are. */
static bool
add_repositories(cJSON *root, const struct graft_repositories *repositories)
{
	cJSON *list = cJSON_AddArrayToObject(root, "repositories");
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < graft_repositories_count(repositories);
	     i++) {
		const struct graft_repository_state one =
			graft_repositories_state(repositories, i);
		cJSON *item = cJSON_CreateObject();
		ok = item && cJSON_AddItemToArray(list, item) &&
		     cJSON_AddStringToObject(item, "name", one.name) &&
		     (!one.url ||
		      cJSON_AddStringToObject(item, "source", one.url)) &&
		     (!one.why ||
		      graft_report_add_string(item, "left", one.why));
	}
	return ok;
}

/** Add what they do not agree about. */
static bool
add_disagreements(cJSON *root, const struct graft_agreed *agreed)
{
	cJSON *list = cJSON_AddArrayToObject(root, "disagreements");
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < agreed->disagreement_count; i++) {
		const struct graft_disagreement *one =
			&agreed->disagreements[i];
		cJSON *item = cJSON_CreateObject();
		ok = item && cJSON_AddItemToArray(list, item) &&
		     cJSON_AddStringToObject(item, "release", one->release) &&
		     cJSON_AddStringToObject(item, "repository",
					     one->repository) &&
		     graft_report_add_string(item, "what", one->what) &&
		     cJSON_AddBoolToObject(item, "counts", one->counts);
	}
	return ok;
}

/** Get the URL of the first repository that was not left. */
static const char *
first_url(const struct graft_repositories *repositories)
{
	const char *url = NULL;

	for (size_t i = 0; !url && i < graft_repositories_count(repositories);
	     i++)
		url = graft_repositories_state(repositories, i).url;
	return url ? url : "";
}

/** Add what was decided, as `graft eligible` says it. */
static bool
add_decision(cJSON *root, const struct graft_update *update)
{
	const struct graft_decided decided = { &update->facts,
					       update->choice.eligibility };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err = graft_eligible_print_json(
		&decided, 1, &update->choice.policy, &text);

	graft_error_free(err);
	if (err || text.failed)
		return false;
	cJSON *said = cJSON_Parse(graft_text_str(&text));
	cJSON *devices = cJSON_GetObjectItem(said, "devices");
	cJSON *device = devices ? cJSON_DetachItemFromArray(devices, 0) : NULL;
	cJSON_Delete(said);
	return device && cJSON_AddItemToObject(root, "device", device);
}

/** Add lines as an array. */
static bool
add_lines(cJSON *root, const char *name, const struct graft_text *lines)
{
	cJSON *list = cJSON_AddArrayToObject(root, name);
	bool ok = list != NULL;

	for (const char *at = graft_text_str(lines); ok && *at;) {
		const size_t len = strcspn(at, "\n");
		GRAFT_FREE char *line = strndup(at, len);
		cJSON *item = line ? cJSON_CreateString(line) : NULL;
		ok = item && cJSON_AddItemToArray(list, item);
		at += len + (at[len] == '\n');
	}
	return ok;
}

struct graft_error *
graft_update_print_json(const struct graft_update *update,
			struct graft_text *text)
{
	cJSON *root = cJSON_CreateObject();
	bool ok = root &&
		  cJSON_AddStringToObject(root, "source",
					  first_url(update->repositories)) &&
		  add_repositories(root, update->repositories) &&
		  add_disagreements(root, graft_repositories_agreed(
						  update->repositories)) &&
		  cJSON_AddNumberToObject(root, "bytes",
					  (double)graft_repositories_bytes(
						  update->repositories)) &&
		  cJSON_AddBoolToObject(root, "dry_run",
					update->options->dry_run) &&
		  cJSON_AddBoolToObject(root, "raised", update->raised) &&
		  cJSON_AddBoolToObject(root, "waits", update->waits) &&
		  add_lines(root, "upgraded",
			    &update->cumulative.plan.upgrades) &&
		  add_lines(root, "added",
			    &update->cumulative.plan.additions) &&
		  add_decision(root, update);
	cJSON *list = ok ? cJSON_AddArrayToObject(root, "releases") : NULL;

	ok = list != NULL;
	for (size_t i = 0; ok && i < update->choice.count; i++)
		ok = add_release(list, update->choice.releases[i]);
	list = ok ? cJSON_AddArrayToObject(root, "files") : NULL;
	ok = list != NULL;
	for (size_t i = 0; ok && i < update->file_count; i++)
		ok = add_file(list, &update->files[i]);
	return graft_report_take_json(root, ok, text);
}
