// SPDX-License-Identifier: Apache-2.0

#include "cmd/sync_held.h"

#include "base/env.h"
#include "cmd/options.h"
#include "report/quote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Get the package of a file, or NULL. */
static const struct graft_package *
package_of(const struct graft_sync *sync, const struct graft_held_file *file)
{
	return file->package == SIZE_MAX
		       ? NULL
		       : &sync->held->packages->packages[file->package];
}

/** Forget the files of other packages, and who has only such. */
static void
narrow_to_package(struct graft_sync *sync, const char *name)
{
	struct graft_held *held = sync->held;
	size_t left = 0;

	for (size_t i = 0; i < held->count; i++) {
		struct graft_held_process *p = &held->processes[i];
		size_t count = 0;
		for (size_t k = 0; k < p->count; k++) {
			struct graft_held_file *file = &p->files[k];
			if (graft_sync_is_named(package_of(sync, file), name))
				p->files[count++] = *file;
			else
				graft_held_file_deinit(file);
		}
		p->count = count;
		if (count)
			held->processes[left++] = *p;
		else
			free(p->files);
	}
	held->count = left;
}

struct graft_error *
graft_sync_find_held(struct graft_sync *sync,
		     const struct graft_options *options)
{
	GRAFT_FREE char *dir = NULL;

	if (asprintf(&dir, "%s/before", graft_env_state_dir()) < 0)
		return graft_error_no_memory();
	// Without packages nothing can be said of other files.
	if (sync->no_packages)
		return NULL;
	struct graft_error *err = graft_held_find(sync->pids, sync->pid_count,
						  sync->code, dir, &sync->held);
	if (err && graft_error_code(err) == GRAFT_ERROR_LIMIT &&
	    !options->package) {
		graft_error_free(err);
		sync->no_packages = true;
		return NULL;
	}
	if (err)
		return err;
	if (options->package)
		narrow_to_package(sync, options->package);
	sync->held_units = calloc(sync->held->count + 1,
				  sizeof(*sync->held_units));
	if (!sync->held_units)
		return graft_error_no_memory();
	for (size_t i = 0; !err && i < sync->held->count; i++)
		err = graft_sync_find_unit(sync->held->processes[i].pid,
					   &sync->held_units[i]);
	return err;
}

void
graft_sync_put_held_why(const struct graft_sync *sync, size_t at,
			struct graft_text *text)
{
	static const char *const hows[] = {
		[GRAFT_HELD_MAPPED] = "which it has mapped",
		[GRAFT_HELD_OPEN] = "which it has open",
		[GRAFT_HELD_STARTED_WITH] = "with which it was started",
		[GRAFT_HELD_UNIT] = "which describes its unit",
	};
	const struct graft_held_process *p = &sync->held->processes[at];
	const struct graft_held_file *file = &p->files[0];
	const struct graft_package *package = package_of(sync, file);

	graft_text_put_safe(text, file->beside ? file->beside : file->path);
	if (file->beside) {
		graft_text_put(text, ", of the package of ");
		graft_text_put_safe(text, file->path);
		graft_text_put(text, " which it runs,");
	} else {
		graft_text_printf(text, ", %s,", hows[file->how]);
	}
	graft_text_put(text, file->gone ? " is gone" : " is another file now");
	if (package && package->version) {
		graft_text_put(text, " (");
		graft_text_put_safe(text, package->name);
		graft_text_put(text, " ");
		if (package->old_version) {
			graft_text_put_safe(text, package->old_version);
			graft_text_put(text, " -> ");
		}
		graft_text_put_safe(text, package->version);
		graft_text_put(text, ")");
	}
	size_t more = p->count - 1 + file->more;
	if (more)
		graft_text_printf(text, ", and so %s %zu more",
				  more == 1 ? "is" : "are", more);
}

/** Make the command that restarts a process. */
static void
put_command(const struct graft_sync *sync, size_t at, struct graft_text *text)
{
	const struct graft_held_process *p = &sync->held->processes[at];

	graft_unit_put_restart(&sync->held_units[at], p->pid, p->comm, text);
}

/** Make the two lines about a process. */
static void
put_lines(const struct graft_sync *sync, size_t at, struct graft_text *text)
{
	graft_text_put(text, "  ");
	put_command(sync, at, text);
	graft_text_put(text, "\n      ");
	graft_sync_put_held_why(sync, at, text);
	graft_text_put(text, "\n");
}

void
graft_sync_put_held(const struct graft_sync *sync, const char *title,
		    struct graft_text *text)
{
	size_t count = sync->held ? sync->held->count : 0;

	if (count)
		graft_text_put(text, title);
	for (size_t i = 0; i < count; i++) {
		GRAFT_CLEANUP(graft_text_deinit)
		struct graft_text lines = { 0 };
		put_lines(sync, i, &lines);
		// Not of each process of a service anew.
		if (!text->str || !strstr(text->str, graft_text_str(&lines)))
			graft_text_put(text, graft_text_str(&lines));
		text->failed |= lines.failed;
	}
}

static bool
add_file(cJSON *list, const struct graft_sync *sync,
	 const struct graft_held_file *file)
{
	const struct graft_package *package = package_of(sync, file);
	cJSON *object = cJSON_CreateObject();

	return cJSON_AddItemToArray(list, object) &&
	       graft_report_add_string(object, "path", file->path) &&
	       cJSON_AddStringToObject(object, "held",
				       graft_held_how_name(file->how)) &&
	       (!file->gone || cJSON_AddTrueToObject(object, "gone")) &&
	       (!file->beside ||
		graft_report_add_string(object, "changed", file->beside)) &&
	       graft_sync_add_package(object, package);
}

static bool
add_process(cJSON *list, const struct graft_sync *sync, size_t at)
{
	const struct graft_held_process *p = &sync->held->processes[at];
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text why = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text command = { 0 };
	cJSON *object = cJSON_CreateObject();

	graft_sync_put_held_why(sync, at, &why);
	put_command(sync, at, &command);
	bool ok = cJSON_AddItemToArray(list, object) &&
		  cJSON_AddNumberToObject(object, "pid", p->pid) &&
		  graft_report_add_string(object, "comm", p->comm) &&
		  graft_sync_add_unit(object, &sync->held_units[at]) &&
		  cJSON_AddStringToObject(object, "action", "restart") &&
		  cJSON_AddStringToObject(object, "why",
					  graft_text_str(&why)) &&
		  cJSON_AddStringToObject(object, "restart",
					  graft_text_str(&command));
	cJSON *files = ok ? cJSON_AddArrayToObject(object, "files") : NULL;
	ok = files != NULL && !why.failed && !command.failed;
	for (size_t i = 0; ok && i < p->count; i++)
		ok = add_file(files, sync, &p->files[i]);
	return ok;
}

bool
graft_sync_add_held(cJSON *list, const struct graft_sync *sync)
{
	bool ok = true;

	for (size_t i = 0; ok && sync->held && i < sync->held->count; i++)
		ok = add_process(list, sync, i);
	return ok;
}
