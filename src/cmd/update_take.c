// SPDX-License-Identifier: Apache-2.0

#include "cmd/update.h"

#include "agent/tool.h"
#include "base/clock.h"
#include "base/env.h"
#include "cmd/device.h"
#include "cmd/hold.h"
#include "cmd/install_steps.h"
#include "patch/disk.h"
#include "patch/file.h"
#include "persist/installed.h"
#include "report/quote.h"
#include "update/last.h"

#include <cjson/cJSON.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum {
	/** Longest that one file may take; a large package is put together for minutes. */
	LIMIT_S = 3600,
	US_A_S = 1000 * 1000,
	LOOK_MS = 200,
	NUMBER_LEN = 12,
	/** Exit statuses of `graft install` and `graft apply`. */
	STATUS_NOTHING = 3,
	STATUS_REFUSED = 4,
	STATUS_SOME = 5,
};

/** Say whether forms with a part for the disk are there. */
static bool
has_delta(const struct graft_release *release)
{
	for (size_t i = 0; i < release->form_count; i++) {
		if (release->forms[i].kind == GRAFT_RELEASE_FORM_DELTA)
			return true;
	}
	return false;
}

/** List the files of a hotpatch that this device takes. */
GRAFT_MUST_CHECK static struct graft_error *
list_files(struct graft_update *update)
{
	const struct graft_release *release = update->choice.releases[0];
	const bool delta = has_delta(release);

	update->files = calloc(release->form_count + 1, sizeof(*update->files));
	if (!update->files)
		return graft_error_no_memory();
	for (size_t i = 0; i < release->form_count; i++) {
		const struct graft_release_form *form = &release->forms[i];
		// One with a part for the disk does what the other does, and more.
		if (form->kind == (delta ? GRAFT_RELEASE_FORM_DELTA
					 : GRAFT_RELEASE_FORM_HOTPATCH))
			update->files[update->file_count++].form = form;
	}
	return NULL;
}

/** Run graft, and wait for it. */
GRAFT_MUST_CHECK static struct graft_error *
run_graft(const char *const *words, struct graft_tool *tool)
{
	struct graft_error *err = graft_tool_start(tool, (char *const *)words,
						   graft_env_state_dir(),
						   (uint64_t)LIMIT_S * US_A_S);

	if (err)
		return err;
	while (!graft_tool_step(tool)) {
		struct pollfd fd = { .fd = tool->fd, .events = POLLIN };
		(void)poll(&fd, 1, LOOK_MS);
	}
	return NULL;
}

/** Note what a run said of itself, if it failed. @return false: no memory. */
static bool
note_why(const struct graft_tool *tool, struct graft_update_file *file)
{
	cJSON *said = cJSON_ParseWithLength(graft_text_str(&tool->out),
					    tool->out.len);
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(said, "error");
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(error,
								"message");

	file->why = strdup(cJSON_IsString(message) ? message->valuestring
						   : "graft did not say why");
	cJSON_Delete(said);
	return file->why != NULL;
}

/** Find out what became of a file by how graft ended. */
GRAFT_MUST_CHECK static struct graft_error *
take_result(const struct graft_tool *tool, struct graft_update_file *file)
{
	switch (WIFEXITED(tool->status) ? WEXITSTATUS(tool->status) : -1) {
	case 0:
		file->result = GRAFT_UPDATE_INSTALLED;
		return NULL;
	case STATUS_NOTHING:
		file->result = GRAFT_UPDATE_ALREADY;
		return NULL;
	case STATUS_REFUSED:
		// The disk, where it is concerned, has it.
		file->result = file->form->kind == GRAFT_RELEASE_FORM_DELTA
				       ? GRAFT_UPDATE_PARTLY
				       : GRAFT_UPDATE_REFUSED;
		return NULL;
	case STATUS_SOME:
		file->result = GRAFT_UPDATE_PARTLY;
		return NULL;
	default:
		break;
	}
	file->result = GRAFT_UPDATE_REFUSED;
	return note_why(tool, file) ? NULL : graft_error_no_memory();
}

/** Say whether none of the packages of a hotpatch is on this device. */
GRAFT_MUST_CHECK static struct graft_error *
is_not_here(const struct graft_patch *patch, bool *ret)
{
	*ret = patch->disk_count > 0;
	for (size_t i = 0; *ret && i < patch->disk_count; i++) {
		const struct graft_disk *disk = patch->disks[i];
		GRAFT_CLEANUP(graft_installed_freep)
		struct graft_installed *installed = NULL;
		if (!disk->package) {
			*ret = false;
			return NULL;
		}
		struct graft_error *err = graft_installed_open(
			"", disk->package, disk->architecture, &installed);
		if (err && graft_error_code(err) != GRAFT_ERROR_NOT_FOUND)
			return err;
		// Of one that was removed its configuration may be left.
		*ret = err || graft_installed_state(installed)[1] == 'c' ||
		       graft_installed_state(installed)[1] == 'n';
		graft_error_free(err);
	}
	return NULL;
}

/** Say why a file was not even tried. @param[in] err Taken. */
GRAFT_MUST_CHECK static struct graft_error *
refuse(struct graft_update_file *file, struct graft_error *err)
{
	file->result = GRAFT_UPDATE_REFUSED;
	file->why = strdup(graft_error_message(err));
	graft_error_free(err);
	return file->why ? NULL : graft_error_no_memory();
}

/** Have a file installed. */
GRAFT_MUST_CHECK static struct graft_error *
install(const struct graft_update *update, const char *path,
	struct graft_update_file *file)
{
	const bool delta = file->form->kind == GRAFT_RELEASE_FORM_DELTA;
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	GRAFT_CLEANUP(graft_tool_deinit) struct graft_tool tool = { 0 };
	char wait[NUMBER_LEN];
	bool not_here = false;

	// Nobody holds it back: no quarantine, no revert by hand.
	struct graft_error *err = graft_patch_read_file(path, &patch);
	if (!err)
		err = graft_hold_ask(patch, true, NULL);
	if (!err && delta)
		err = is_not_here(patch, &not_here);
	if (err)
		return refuse(file, err);
	if (not_here) {
		file->result = GRAFT_UPDATE_NOT_HERE;
		return NULL;
	}
	(void)snprintf(wait, sizeof(wait), "%u", update->options->wait_s);
	const char *const words[] = {
		// What we are, also after it was upgraded.
		"/proc/self/exe",
		delta ? "install" : "apply",
		path,
		"--json",
		"--wait",
		wait,
		delta ? NULL : "--all",
		NULL,
	};
	err = run_graft(words, &tool);
	if (!err)
		err = take_result(&tool, file);
	// The disk stays as it is: who starts later gets it from graftd.
	if (!err && !delta && file->result < GRAFT_UPDATE_PARTLY)
		err = graft_install_keep(patch, patch->id, true);
	return err;
}

struct graft_error *
graft_update_take_hotpatch(struct graft_update *update)
{
	struct graft_repositories *repositories = update->repositories;
	const struct graft_release *release = update->choice.releases[0];
	bool whole = true;
	struct graft_error *err = list_files(update);

	// All who must agree about a file do, before the first is fetched.
	for (size_t i = 0; !err && i < update->file_count; i++)
		err = graft_repositories_check(repositories, release,
					       update->files[i].form);
	for (size_t i = 0;
	     !err && !update->options->dry_run && i < update->file_count; i++) {
		struct graft_update_file *file = &update->files[i];
		GRAFT_FREE char *path = NULL;
		err = graft_repositories_fetch(repositories, release,
					       file->form, &path);
		if (!err)
			err = install(update, path, file);
		if (err)
			return err;
		whole = whole && file->result < GRAFT_UPDATE_PARTLY;
		if (file->result < GRAFT_UPDATE_PARTLY)
			graft_source_drop(path);
	}
	if (err || update->options->dry_run || !whole)
		return err;
	graft_repositories_tidy(repositories);
	update->raised = true;
	// First what was taken: cut off behind it, the next run takes it again.
	err = graft_update_last_take(
		update->choice.releases, update->choice.count,
		!has_delta(update->choice.releases[0]), (int64_t)time(NULL));
	return err ? err
		   : graft_device_raise(update->facts.baseline,
					update->choice.eligibility.target);
}
