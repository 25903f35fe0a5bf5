// SPDX-License-Identifier: Apache-2.0

#include "cmd/sync_held.h"

#include "base/capability.h"
#include "report/quote.h"

#include <cjson/cJSON.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *
graft_sync_action_name(const struct graft_sync *sync,
		       enum graft_sync_action action)
{
	static const char *const names[] = {
		[GRAFT_SYNC_SAME] = "identical",
		[GRAFT_SYNC_BEFORE] = "hotpatched-before",
		[GRAFT_SYNC_DONE] = "hotpatched",
		[GRAFT_SYNC_RESTART] = "restart",
		[GRAFT_SYNC_REFUSED] = "refused",
		[GRAFT_SYNC_GONE] = "exited",
	};

	return action == GRAFT_SYNC_DONE && sync->dry_run ? "would-hotpatch"
							  : names[action];
}

/** As people read it. */
static const char *
action_text(const struct graft_sync *sync, enum graft_sync_action action)
{
	static const char *const texts[] = {
		[GRAFT_SYNC_SAME] = "nothing: the same code",
		[GRAFT_SYNC_BEFORE] = "was hotpatched before",
		[GRAFT_SYNC_DONE] = "hotpatched",
		[GRAFT_SYNC_RESTART] = "needs a restart",
		[GRAFT_SYNC_REFUSED] = "refused",
		[GRAFT_SYNC_GONE] = "has exited",
	};

	return action == GRAFT_SYNC_DONE && sync->dry_run
		       ? "would be hotpatched"
		       : texts[action];
}

static const char *
action_color(enum graft_sync_action action)
{
	switch (action) {
	case GRAFT_SYNC_BEFORE:
	case GRAFT_SYNC_DONE:
		return "\033[32m";
	case GRAFT_SYNC_RESTART:
		return "\033[33m";
	case GRAFT_SYNC_REFUSED:
		return "\033[31m";
	case GRAFT_SYNC_SAME:
	case GRAFT_SYNC_GONE:
	default:
		return "\033[2m";
	}
}

static const struct graft_old_process *
process_of(const struct graft_sync *sync, const struct graft_sync_item *item)
{
	return &sync->code->processes[item->process];
}

/** Append what an item is about: a package and its versions, or a file. */
static void
put_subject(const struct graft_sync *sync, const struct graft_sync_item *item,
	    struct graft_text *text)
{
	const struct graft_old_process *p = process_of(sync, item);
	const struct graft_package *package = sync->groups[item->group].package;
	size_t files = 0;

	for (size_t i = 0; i < p->file_count; i++)
		files += sync->group_of[p->files[i]] == item->group;
	graft_text_put_safe(text, package && package->version
					  ? package->source
					  : graft_sync_first_path(sync, item));
	if (package && package->version) {
		graft_text_put(text, " ");
		if (package->old_version) {
			graft_text_put_safe(text, package->old_version);
			graft_text_put(text, " -> ");
		}
		graft_text_put_safe(text, package->version);
	} else if (files > 1) {
		graft_text_printf(text, " and %zu more", files - 1);
	}
}

/** One column of a table. */
struct column {
	const char *title;
	size_t width;
};

enum {
	COLUMN_UNIT,
	COLUMN_PID,
	COLUMN_PROCESS,
	COLUMN_SUBJECT,
	COLUMNS,
};

/** Append a cell of an item. */
static void
put_cell(const struct graft_sync *sync, const struct graft_sync_item *item,
	 int column, struct graft_text *text)
{
	const struct graft_unit *unit = &sync->units[item->process];
	const struct graft_old_process *p = process_of(sync, item);

	switch (column) {
	case COLUMN_UNIT:
		graft_text_put_safe(text, unit->name ? unit->name : "-");
		break;
	case COLUMN_PID:
		graft_text_printf(text, "%d", (int)p->pid);
		break;
	case COLUMN_PROCESS:
		graft_text_put_safe(text, p->comm);
		break;
	case COLUMN_SUBJECT:
	default:
		put_subject(sync, item, text);
		break;
	}
}

/** Make the columns as wide as what stands in them. */
static void
measure(const struct graft_sync *sync, struct column columns[COLUMNS])
{
	for (int c = 0; c < COLUMNS; c++) {
		columns[c].width = strlen(columns[c].title);
		for (size_t i = 0; i < sync->item_count; i++) {
			GRAFT_CLEANUP(graft_text_deinit)
			struct graft_text text = { 0 };
			put_cell(sync, &sync->items[i], c, &text);
			if (text.len > columns[c].width)
				columns[c].width = text.len;
		}
	}
}

static void
put_row(const struct graft_sync *sync, const struct graft_sync_item *item,
	const struct column columns[COLUMNS], bool color,
	struct graft_text *text)
{
	for (int c = 0; c < COLUMNS; c++) {
		size_t before = text->len;
		put_cell(sync, item, c, text);
		size_t len = text->len - before;
		int more = (int)(len < columns[c].width ? columns[c].width - len
							: 0);
		graft_text_printf(text, "%*s", more + 2, "");
	}
	graft_text_printf(
		text, "%s%s%s", color ? action_color(item->action) : "",
		action_text(sync, item->action), color ? "\033[0m" : "");
	if (item->action == GRAFT_SYNC_DONE)
		graft_text_printf(text, ", %u function%s", item->functions,
				  item->functions == 1 ? "" : "s");
	if (item->action == GRAFT_SYNC_DONE && !sync->dry_run)
		graft_text_printf(text, ", stopped for %.2f ms",
				  (double)item->pause_us / 1000);
	graft_text_put(text, "\n");
}

static void
put_table(const struct graft_sync *sync, bool color, struct graft_text *text)
{
	struct column columns[COLUMNS] = {
		[COLUMN_UNIT] = { .title = "UNIT" },
		[COLUMN_PID] = { .title = "PID" },
		[COLUMN_PROCESS] = { .title = "PROCESS" },
		[COLUMN_SUBJECT] = { .title = "OLD CODE OF" },
	};

	measure(sync, columns);
	for (int c = 0; c < COLUMNS; c++)
		graft_text_printf(text, "%-*s", (int)columns[c].width + 2,
				  columns[c].title);
	graft_text_put(text, "ACTION\n");
	for (size_t i = 0; i < sync->item_count; i++)
		put_row(sync, &sync->items[i], columns, color, text);
}

/** Say what each package that is concerned fixes. */
static void
put_cves(const struct graft_sync *sync, struct graft_text *text)
{
	for (size_t i = 0; i < sync->group_count; i++) {
		const struct graft_package *package = sync->groups[i].package;
		if (!package || !package->cve_count)
			continue;
		graft_text_put(text, "\n");
		graft_text_put_safe(text, package->source);
		graft_text_put(text, " ");
		graft_text_put_safe(text, package->version);
		graft_text_put(text, " fixes");
		for (size_t k = 0; k < package->cve_count; k++)
			graft_text_printf(text, "%s %s", k ? "," : "",
					  package->cves[k]);
		graft_text_put(text, "\n");
	}
}

/** Make the command by which the process of an item is restarted. */
static void
put_command(const struct graft_sync *sync, const struct graft_sync_item *item,
	    struct graft_text *text)
{
	const struct graft_old_process *p = process_of(sync, item);

	graft_unit_put_restart(&sync->units[item->process], p->pid, p->comm,
			       text);
}

/** Were command and reason of an item said with an earlier one? */
static bool
was_said(const struct graft_sync *sync, size_t at, const char *command)
{
	for (size_t i = 0; i < at; i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
		const struct graft_sync_item *item = &sync->items[i];
		if (item->action != sync->items[at].action || !item->why ||
		    strcmp(item->why, sync->items[at].why) != 0)
			continue;
		put_command(sync, item, &text);
		if (strcmp(graft_text_str(&text), command) == 0)
			return true;
	}
	return false;
}

/** Say what is left to do, and why: once for each service. @return Something is. */
static bool
put_rest(const struct graft_sync *sync, enum graft_sync_action action,
	 const char *title, struct graft_text *text)
{
	bool any = false;

	for (size_t i = 0; i < sync->item_count; i++) {
		const struct graft_sync_item *item = &sync->items[i];
		GRAFT_CLEANUP(graft_text_deinit)
		struct graft_text command = { 0 };
		if (item->action != action || !item->why)
			continue;
		put_command(sync, item, &command);
		if (was_said(sync, i, graft_text_str(&command)))
			continue;
		graft_text_printf(text, "%s  %s\n      ", any ? "" : title,
				  graft_text_str(&command));
		graft_text_put_safe(text, item->why);
		graft_text_put(text, "\n");
		any = true;
	}
	return any;
}

void
graft_sync_print_text(const struct graft_sync *sync, bool color,
		      struct graft_text *text)
{
	size_t looked = sync->code ? sync->code->looked : 0;

	static const char title[] = "\nto restart:\n";

	if (sync->item_count) {
		put_table(sync, color, text);
		put_cves(sync, text);
	}
	bool any = put_rest(sync, GRAFT_SYNC_RESTART, title, text);
	graft_sync_put_held(sync,
			    any                ? ""
			    : sync->item_count ? title
					       : title + 1,
			    text);
	(void)put_rest(sync, GRAFT_SYNC_REFUSED,
		       "\nrefused now; again later, or restart:\n", text);
	if (!sync->item_count && !(sync->held && sync->held->count)) {
		graft_text_printf(
			text,
			"nothing to do: %zu process%s ha%s mapped what is on disk\n",
			looked, looked == 1 ? "" : "es",
			looked == 1 ? "s" : "ve");
	}
	for (size_t i = 0; i < sync->ahead_count; i++) {
		const struct graft_sync_ahead *ahead = &sync->ahead[i];
		graft_text_printf(text, "process %d (", (int)ahead->pid);
		graft_text_put_safe(text, ahead->comm);
		graft_text_printf(
			text,
			") is ahead of the disk by hotpatch %.12s, which `graft revert %s --pid %d` takes back: ",
			ahead->id, ahead->id, (int)ahead->pid);
		graft_text_put_safe(text, ahead->module);
		graft_text_put(text, "\n");
	}
	if (sync->no_packages)
		graft_text_put(
			text,
			"dpkg-query does not answer: files have no packages, and who holds other files than code is not known\n");
	if (sync->code && sync->code->unseen)
		graft_text_printf(
			text, "%zu process%s could not be looked at%s\n",
			sync->code->unseen, sync->code->unseen == 1 ? "" : "es",
			graft_capability_has(CAP_SYS_PTRACE)
				? ""
				: "; root (CAP_SYS_PTRACE) sees all");
}

bool
graft_sync_add_package(cJSON *object, const struct graft_package *package)
{
	if (!package)
		return true;
	bool ok =
		graft_report_add_string(object, "package", package->name) &&
		(!package->source ||
		 graft_report_add_string(object, "source", package->source)) &&
		(!package->version ||
		 graft_report_add_string(object, "version",
					 package->version)) &&
		(!package->old_version ||
		 graft_report_add_string(object, "old_version",
					 package->old_version));
	cJSON *list = ok ? cJSON_AddArrayToObject(object, "cves") : NULL;
	ok = list != NULL;
	for (size_t i = 0; ok && i < package->cve_count; i++)
		ok = cJSON_AddItemToArray(list,
					  cJSON_CreateString(package->cves[i]));
	return ok;
}

bool
graft_sync_add_unit(cJSON *object, const struct graft_unit *unit)
{
	return !unit->name ||
	       graft_report_add_string(object,
				       unit->kind == GRAFT_UNIT_CONTAINER
					       ? "container"
					       : "unit",
				       unit->name);
}

static bool
add_file(cJSON *list, const struct graft_sync *sync, size_t file)
{
	const struct graft_old_file *f = &sync->code->files[file];
	const struct graft_patch_module *m = graft_sync_module(sync, file);
	size_t at = sync->packages->of[file];
	cJSON *object = cJSON_CreateObject();

	return cJSON_AddItemToArray(list, object) &&
	       graft_report_add_string(object, "path", f->path) &&
	       (!f->new_path ||
		graft_report_add_string(object, "new_path", f->new_path)) &&
	       graft_sync_add_package(
		       object,
		       at == SIZE_MAX ? NULL : &sync->packages->packages[at]) &&
	       (!m ||
		(cJSON_AddStringToObject(object, "verdict",
					 graft_verdict_name(m->verdict)) &&
		 cJSON_AddStringToObject(
			 object, "assurance",
			 graft_assurance_name(m->assurance)))) &&
	       (!f->why || graft_report_add_string(object, "why", f->why));
}

static bool
add_item(cJSON *list, const struct graft_sync *sync,
	 const struct graft_sync_item *item)
{
	const struct graft_old_process *p = process_of(sync, item);
	const struct graft_unit *unit = &sync->units[item->process];
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text command = { 0 };
	cJSON *object = cJSON_CreateObject();
	bool left = item->action == GRAFT_SYNC_RESTART ||
		    item->action == GRAFT_SYNC_REFUSED;

	put_command(sync, item, &command);
	bool ok = cJSON_AddItemToArray(list, object) &&
		  cJSON_AddNumberToObject(object, "pid", p->pid) &&
		  graft_report_add_string(object, "comm", p->comm) &&
		  graft_sync_add_unit(object, unit) &&
		  cJSON_AddStringToObject(
			  object, "action",
			  graft_sync_action_name(sync, item->action)) &&
		  (item->action != GRAFT_SYNC_DONE ||
		   (cJSON_AddStringToObject(object, "id", item->id) &&
		    cJSON_AddNumberToObject(object, "functions",
					    item->functions) &&
		    cJSON_AddNumberToObject(object, "pause_us",
					    (double)item->pause_us))) &&
		  (!item->why ||
		   graft_report_add_string(object, "why", item->why)) &&
		  (!left || cJSON_AddStringToObject(object, "restart",
						    graft_text_str(&command)));
	cJSON *files = ok ? cJSON_AddArrayToObject(object, "files") : NULL;
	ok = files != NULL && !command.failed;
	for (size_t i = 0; ok && i < p->file_count; i++) {
		if (sync->group_of[p->files[i]] == item->group)
			ok = add_file(files, sync, p->files[i]);
	}
	return ok;
}

struct graft_error *
graft_sync_print_json(const struct graft_sync *sync, struct graft_text *text)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *list = root ? cJSON_AddArrayToObject(root, "processes") : NULL;
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < sync->item_count; i++)
		ok = add_item(list, sync, &sync->items[i]);
	ok = ok && graft_sync_add_held(list, sync);
	list = ok ? cJSON_AddArrayToObject(root, "ahead") : NULL;
	ok = list != NULL;
	for (size_t i = 0; ok && i < sync->ahead_count; i++) {
		const struct graft_sync_ahead *ahead = &sync->ahead[i];
		cJSON *object = cJSON_CreateObject();
		ok = cJSON_AddItemToArray(list, object) &&
		     cJSON_AddNumberToObject(object, "pid", ahead->pid) &&
		     graft_report_add_string(object, "comm", ahead->comm) &&
		     cJSON_AddStringToObject(object, "id", ahead->id) &&
		     graft_report_add_string(object, "module", ahead->module);
	}
	ok = ok &&
	     cJSON_AddBoolToObject(root, "packages_known",
				   !sync->no_packages) &&
	     cJSON_AddNumberToObject(root, "looked_at",
				     sync->code ? (double)sync->code->looked
						: 0) &&
	     cJSON_AddNumberToObject(root, "not_looked_at",
				     sync->code ? (double)sync->code->unseen
						: 0);
	return graft_report_take_json(root, ok, text);
}
