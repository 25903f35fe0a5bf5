// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/install_steps.h"
#include "persist/install.h"
#include "report/quote.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
	"usage: graft rollback [ID] [--no-memory] [--wait SECONDS] [--json]\n"
	"\n"
	"Take the last `graft install` back, or that of the hotpatch ID: the old package\n"
	"comes back through dpkg, then the hotpatch out of every process that holds it.\n"
	"\n"
	"      --no-memory     leave processes as they are\n"
	"  -w, --wait SECONDS  how long to wait for dpkg's lock, and for threads to leave\n"
	"                      the carried functions (default 10)\n"
	"      --json          print JSON\n"
	"      --state-dir DIR instead of /var/lib/graft\n";

/** Find what is taken back: the one that is named, or the last one. */
static struct graft_error *
find_record(const struct graft_store *store, const char *id,
	    const struct graft_record **ret)
{
	size_t count;
	const struct graft_record *all = graft_store_records(store, &count);

	for (size_t i = count; i-- > 0;) {
		if (!id || strcmp(all[i].id, id) == 0) {
			*ret = &all[i];
			return NULL;
		}
	}
	return graft_error_new(GRAFT_ERROR_NOT_FOUND,
			       id ? "%s: was not installed here, or has been "
				    "taken back"
				  : "nothing was installed that can be taken "
				    "back%s",
			       id ? id : "");
}

static void
add_package(cJSON *to, const struct graft_record_package *package)
{
	(void)cJSON_AddStringToObject(to, "package", package->name);
	(void)cJSON_AddStringToObject(to, "architecture",
				      package->architecture);
	(void)cJSON_AddStringToObject(to, "old_version", package->old_version);
	(void)cJSON_AddStringToObject(to, "new_version", package->new_version);
}

/** Keep for printing what a record said: it goes. */
static void
name_record(const struct graft_record *record, cJSON *to,
	    struct graft_text *text)
{
	if (!record->package_count) {
		graft_text_put(text, "files in ");
		graft_text_put_safe(text, record->root);
		(void)graft_report_add_string(to, "in", record->root);
		return;
	}
	// Of a single one to the object itself, too.
	if (record->package_count == 1)
		add_package(to, &record->packages[0]);
	cJSON *list = cJSON_AddArrayToObject(to, "packages");
	for (size_t i = 0; i < record->package_count; i++) {
		const struct graft_record_package *package =
			&record->packages[i];
		cJSON *item = cJSON_CreateObject();
		graft_text_printf(text, "%s%s:%s %s -> %s", i ? ", " : "",
				  package->name, package->architecture,
				  package->new_version, package->old_version);
		add_package(item, package);
		if (!list || !cJSON_AddItemToArray(list, item))
			cJSON_Delete(item);
	}
}

/** Take memory back, and let the record go. */
static struct graft_error *
finish(struct graft_store *store, const char *id,
       const struct graft_options *options, struct graft_outcomes *outcomes)
{
	const struct graft_record *record = graft_store_find(store, id);
	struct graft_options all = *options;

	// Processes that are left as they are go on holding what is kept.
	if (!record)
		return NULL;
	all.all = true;
	struct graft_error *err = graft_install_revert(id, &all, outcomes);
	if (!err)
		err = graft_install_keep(NULL, id, false);
	return err ? err : graft_install_finish(store, id);
}

static struct graft_error *
roll_back(const struct graft_options *options, char id[GRAFT_PATCH_ID_LEN + 1],
	  cJSON *disk, struct graft_text *text, struct graft_outcomes *outcomes)
{
	GRAFT_CLEANUP(graft_store_closep) struct graft_store *store = NULL;
	struct graft_install_resumed resumed = { 0 };
	const struct graft_record *record = NULL;

	struct graft_error *err = graft_store_open(options->wait_us, &store);
	if (!err)
		err = graft_install_resume(store, options->wait_us, &resumed,
					   outcomes);
	graft_install_say_resumed("rollback", &resumed);
	// One that was cut off is what was asked for.
	if (!err && resumed.removed && !options->subject) {
		graft_text_put(text, "a rollback that was cut off");
		return NULL;
	}
	if (!err)
		err = find_record(store, options->subject, &record);
	if (err)
		return err;
	memcpy(id, record->id, sizeof(record->id));
	name_record(record, disk, text);
	err = graft_install_undo(store, id, !options->no_memory,
				 options->wait_us);
	return err ? err : finish(store, id, options, outcomes);
}

/** Print what was done. @param[in] disk Taken. */
static struct graft_error *
print(const struct graft_options *options, const char *id, cJSON *disk,
      const struct graft_text *what, const struct graft_outcomes *outcomes)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text memory = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	if (!options->json) {
		cJSON_Delete(disk);
		(void)printf("%s: taken back\n", graft_text_str(what));
		graft_outcomes_print(outcomes, "reverted", "rollback", true);
		return NULL;
	}
	struct graft_error *err =
		graft_outcomes_print_json(outcomes, id, "reverted", &memory);
	cJSON *root = err ? NULL : cJSON_Parse(graft_text_str(&memory));
	bool ok = root && cJSON_AddItemToObject(root, "disk", disk);
	if (!ok)
		cJSON_Delete(disk);
	if (!err)
		err = graft_report_take_json(root, ok, &text);
	if (!err)
		(void)fputs(graft_text_str(&text), stdout);
	return err;
}

struct graft_error *
graft_verb_rollback(int argc, char **argv, int *status_ret)
{
	GRAFT_CLEANUP(graft_options_deinit)
	struct graft_options options = { 0 };
	GRAFT_CLEANUP(graft_outcomes_deinit)
	struct graft_outcomes outcomes = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	char id[GRAFT_PATCH_ID_LEN + 1] = "";

	if (!graft_options_parse(argc, argv, usage,
				 GRAFT_OPTION_ROLLBACK | GRAFT_OPTION_WAIT |
					 GRAFT_OPTION_JSON,
				 &options, status_ret))
		return NULL;
	cJSON *disk = cJSON_CreateObject();
	if (!disk)
		return graft_error_no_memory();
	struct graft_error *err = roll_back(&options, id, disk, &text,
					    &outcomes);
	if (err) {
		cJSON_Delete(disk);
		return err;
	}
	int status = graft_outcomes_status(&outcomes);
	*status_ret = status == 3 ? 0 : status == 4 ? 5 : status;
	return print(&options, id, disk, &text, &outcomes);
}
