// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/failure.h"
#include "cmd/install_steps.h"
#include "cmd/usage.h"
#include "patch/disks.h"
#include "patch/file.h"
#include "persist/install.h"
#include "report/quote.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: graft install FILE [--root DIR | --in DIR] [--pid N]... [--no-memory]\n"
	"                     [--allow-scripts] [--wait SECONDS] [--dry-run] [--json]\n"
	"\n"
	"Bring the packages that a hotpatch was made for to their new version: on disk\n"
	"through one dpkg, without a restart of their services, and then in every process\n"
	"that runs the old code. Those that are not installed are left out. What is cut\n"
	"off is ended by the next run.\n"
	"\n"
	"      --root DIR      the packages are installed in this root; no process is\n"
	"                      switched unless --pid names it\n"
	"      --in DIR        for a hotpatch made of files: the folder that they lie in\n"
	"  -p, --pid N         switch this process only; may be repeated\n"
	"      --no-memory     switch no process\n"
	"      --allow-scripts install though maintainer scripts act on services directly\n"
	"  -w, --wait SECONDS  how long to wait for dpkg's lock, and for threads to leave\n"
	"                      the functions that are replaced (default 10)\n"
	"  -n, --dry-run       check everything, and change nothing\n"
	"      --json          print JSON\n"
	"      --state-dir DIR instead of /var/lib/graft\n";

/** What was done. */
struct installing {
	const struct graft_options *options;
	struct graft_patch *patch;
	struct graft_install_found found;
	struct graft_install_resumed resumed;
	struct graft_outcomes outcomes;
	/** Processes were looked at. */
	bool switched;
};

static void
installing_deinit(struct installing *installing)
{
	graft_install_found_deinit(&installing->found);
	graft_outcomes_deinit(&installing->outcomes);
	graft_patch_free(installing->patch);
}

/** Get what became of the disk, in one word. */
static const char *
disk_word(const struct installing *installing)
{
	if (installing->found.already)
		return "already";
	return installing->options->dry_run ? "can-be-installed" : "installed";
}

static int
exit_status(const struct installing *installing)
{
	int status = installing->switched
			     ? graft_outcomes_status(&installing->outcomes)
			     : 3;

	// The disk was done, so that the whole is never nothing.
	if (status == 3)
		return installing->found.already ? 3 : 0;
	return status == 4 && !installing->found.already ? 5 : status;
}

/** Get what became of one part, in one word. */
static const char *
part_word(const struct installing *installing, size_t i)
{
	switch (installing->found.states[i]) {
	case GRAFT_SET_ABSENT:
		return "not-there";
	case GRAFT_SET_NEW:
		return "already";
	case GRAFT_SET_OLD:
		break;
	}
	return installing->options->dry_run ? "can-be-installed" : "installed";
}

/** The same in a sentence. */
static const char *
part_sentence(const struct installing *installing, size_t i)
{
	switch (installing->found.states[i]) {
	case GRAFT_SET_ABSENT:
		return "is not installed here: left out";
	case GRAFT_SET_NEW:
		return "on disk already";
	case GRAFT_SET_OLD:
		break;
	}
	return installing->options->dry_run ? "can be installed" : "installed";
}

static void
put_hidden(size_t count, struct graft_text *text)
{
	if (count)
		graft_text_printf(text,
				  "; %zu path%s, which this host leaves out, "
				  "stay%s out",
				  count, count == 1 ? "" : "s",
				  count == 1 ? "s" : "");
}

static void
print_text(const struct installing *installing)
{
	const struct graft_patch *patch = installing->patch;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	size_t hidden = installing->found.hidden_count;

	for (size_t i = 0; i < patch->disk_count; i++) {
		const struct graft_disk *disk = patch->disks[i];
		graft_text_put(&text, i ? "\n" : "");
		if (disk->package)
			graft_text_printf(&text, "%s:%s %s -> %s: %s",
					  disk->package, disk->architecture,
					  disk->old_version, disk->new_version,
					  part_sentence(installing, i));
		else
			graft_text_printf(
				&text, "%zu file%s: %s", disk->entry_count,
				disk->entry_count == 1 ? "" : "s",
				installing->found.already ? "on disk already"
				: installing->options->dry_run
					? "can be installed"
					: "installed");
	}
	put_hidden(hidden, &text);
	(void)printf("%s\n", graft_text_str(&text));
	graft_outcomes_print(&installing->outcomes,
			     installing->options->dry_run ? "can be hotpatched"
							  : "hotpatched",
			     "install", !installing->options->dry_run);
}

/** Add the lines that were found as an array. */
static bool
add_scripts(cJSON *root, const struct graft_install_found *found)
{
	cJSON *list = cJSON_AddArrayToObject(root, "scripts");
	const char *at = graft_text_str(&found->scripts);

	while (list && *at) {
		size_t len = strcspn(at, "\n");
		GRAFT_FREE char *line = strndup(at, len);
		cJSON *item = line ? cJSON_CreateString(line) : NULL;
		if (!item || !cJSON_AddItemToArray(list, item))
			return false;
		at += len + (at[len] == '\n');
	}
	return list != NULL;
}

/** Add the names of a package. */
static bool
add_package(cJSON *to, const struct graft_disk *disk)
{
	return cJSON_AddStringToObject(to, "package", disk->package) &&
	       cJSON_AddStringToObject(to, "architecture",
				       disk->architecture) &&
	       cJSON_AddStringToObject(to, "old_version", disk->old_version) &&
	       cJSON_AddStringToObject(to, "new_version", disk->new_version);
}

/** Add each package and what became of it; of a single one to the object itself, too. */
static bool
add_packages(cJSON *to, const struct installing *installing)
{
	const struct graft_patch *patch = installing->patch;
	bool ok = patch->disk_count > 1 || add_package(to, patch->disks[0]);
	cJSON *list = ok ? cJSON_AddArrayToObject(to, "packages") : NULL;

	for (size_t i = 0; list && ok && i < patch->disk_count; i++) {
		cJSON *item = cJSON_CreateObject();
		ok = item && cJSON_AddItemToArray(list, item) &&
		     cJSON_AddStringToObject(item, "result",
					     part_word(installing, i)) &&
		     add_package(item, patch->disks[i]);
	}
	return list && ok;
}

static struct graft_error *
print_json(const struct installing *installing)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text memory = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	struct graft_error *err = graft_outcomes_print_json(
		&installing->outcomes, installing->patch->id,
		installing->options->dry_run ? "can-be-hotpatched"
					     : "hotpatched",
		&memory);
	if (err)
		return err;
	cJSON *root = cJSON_Parse(graft_text_str(&memory));
	cJSON *part = root ? cJSON_AddObjectToObject(root, "disk") : NULL;
	bool ok = part &&
		  cJSON_AddStringToObject(part, "result",
					  disk_word(installing)) &&
		  (graft_disks_of_files(installing->patch) ||
		   add_packages(part, installing)) &&
		  cJSON_AddNumberToObject(
			  part, "left_out",
			  (double)installing->found.hidden_count) &&
		  add_scripts(root, &installing->found);
	err = graft_report_take_json(root, ok, &text);
	if (!err)
		(void)fputs(graft_text_str(&text), stdout);
	return err;
}

/** Say what maintainer scripts would do, before anything is done. */
static void
say_scripts(const struct graft_install_found *found)
{
	if (found->script_count)
		(void)fprintf(
			stderr,
			"graft install: these act on services directly, not "
			"by invoke-rc.d:\n%s",
			graft_text_str(&found->scripts));
}

static struct graft_error *
install_disk(struct graft_store *store,
	     const struct graft_install_request *request,
	     struct installing *installing)
{
	struct graft_error *err = NULL;

	if (!installing->options->dry_run)
		err = graft_install_prune(store);
	if (!err)
		err = graft_install_check(request, &installing->found);
	say_scripts(&installing->found);
	if (err || installing->options->dry_run || installing->found.already)
		return err;
	err = graft_install_begin(store, request);
	return err ? err
		   : graft_install_go_on(store, installing->patch->id,
					 request->wait_us);
}

static struct graft_error *
install_memory(struct graft_store *store, enum graft_record_memory memory,
	       struct installing *installing)
{
	struct graft_options options = *installing->options;
	const char *id = installing->patch->id;
	struct graft_error *err = NULL;

	if (memory == GRAFT_RECORD_NONE)
		return NULL;
	options.all = memory == GRAFT_RECORD_ALL;
	installing->switched = true;
	// What is kept is for all; who named processes meant those.
	if (!options.dry_run && options.all)
		err = graft_install_keep(installing->patch, id, true);
	if (!err)
		err = graft_install_switch(installing->patch, &options,
					   &installing->outcomes);
	const struct graft_record *record = graft_store_find(store, id);
	if (!err && record && record->step == GRAFT_RECORD_SWITCHING)
		err = graft_install_finish(store, id);
	return err;
}

static struct graft_error *
install(const struct graft_options *options, const char *root,
	struct installing *installing)
{
	GRAFT_CLEANUP(graft_store_closep) struct graft_store *store = NULL;
	enum graft_record_memory memory = GRAFT_RECORD_ALL;

	if (options->pid_count)
		memory = GRAFT_RECORD_SOME;
	else if (options->no_memory || options->root)
		memory = GRAFT_RECORD_NONE;
	struct graft_error *err = graft_store_open(options->wait_us, &store);
	if (!err && !options->dry_run)
		err = graft_install_resume(store, options->wait_us,
					   &installing->resumed,
					   &installing->outcomes);
	graft_install_say_resumed("install", &installing->resumed);
	if (err)
		return err;
	const struct graft_install_request request = {
		.patch = installing->patch,
		.root = root,
		.memory = memory,
		.allow_scripts = options->allow_scripts,
		.wait_us = options->wait_us,
	};
	err = install_disk(store, &request, installing);
	return err ? err : install_memory(store, memory, installing);
}

/** Get the root or folder as an absolute path without links; "" for the root. */
static struct graft_error *
find_root(const char *path, char **ret)
{
	*ret = path ? realpath(path, NULL) : strdup("");
	if (!*ret)
		return path ? graft_error_new(GRAFT_ERROR_NOT_FOUND,
					      "%s: no such folder", path)
			    : graft_error_no_memory();
	if (strcmp(*ret, "/") == 0)
		**ret = '\0';
	return NULL;
}

/** See that what the command line says goes with the hotpatch. */
static struct graft_error *
check_options(const struct graft_options *options,
	      const struct graft_patch *patch)
{
	const bool files = graft_disks_of_files(patch);

	if (files && !options->in)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s: its files belong to no package; "
				       "--in says in which folder they lie",
				       options->subject);
	if (patch->disk_count && !files && options->in)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s: is for a package; --in is for "
				       "files of no package",
				       options->subject);
	return NULL;
}

struct graft_error *
graft_verb_install(int argc, char **argv, int *status_ret)
{
	GRAFT_CLEANUP(graft_options_deinit)
	struct graft_options options = { 0 };
	GRAFT_CLEANUP(installing_deinit) struct installing installing = { 0 };
	GRAFT_FREE char *root = NULL;

	if (!graft_options_parse(
		    argc, argv, usage,
		    GRAFT_OPTION_INSTALL | GRAFT_OPTION_PID |
			    GRAFT_OPTION_WAIT | GRAFT_OPTION_DRY_RUN |
			    GRAFT_OPTION_JSON | GRAFT_OPTION_SUBJECT,
		    &options, status_ret))
		return NULL;
	if ((options.root && options.in) ||
	    (options.no_memory && options.pid_count)) {
		*status_ret = graft_usage_wrong(
			argv, options.in ? "--root and --in exclude each other"
					 : "--no-memory and --pid exclude each "
					   "other");
		return NULL;
	}
	installing.options = &options;
	struct graft_error *err = graft_patch_read_file(options.subject,
							&installing.patch);
	if (!err)
		err = check_options(&options, installing.patch);
	if (!err)
		err = find_root(options.in ? options.in : options.root, &root);
	if (!err)
		err = install(&options, root, &installing);
	if (err)
		return err;
	*status_ret = exit_status(&installing);
	if (options.json)
		return print_json(&installing);
	print_text(&installing);
	return NULL;
}
