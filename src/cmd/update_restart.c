// SPDX-License-Identifier: Apache-2.0

#include "cmd/update.h"

#include "cmd/device.h"
#include "repo/tree.h"
#include "update/last.h"
#include "update/pool.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/** Say whether a record is of just the releases that were chosen. */
static bool
is_of(const struct graft_update_record *record,
      const struct graft_choice *choice)
{
	if (record->releases.count != choice->count)
		return false;
	for (size_t i = 0; i < choice->count; i++) {
		if (strcmp(record->releases.list[i], choice->releases[i]->id) !=
		    0)
			return false;
	}
	return true;
}

/** Find which baseline the device has afterwards: 0, if it left the track. */
static graft_level
baseline_after(const struct graft_update *update)
{
	const struct graft_choice *choice = &update->choice;

	if (choice->eligibility.decision == GRAFT_DECISION_BASELINE)
		return choice->releases[0]->level;
	for (size_t i = 0; i < choice->count; i++) {
		if (!choice->releases[i]->keeps_track)
			return 0;
	}
	return update->facts.baseline;
}

/** Note the files that the releases have of what is wanted. */
GRAFT_MUST_CHECK static struct graft_error *
note_files(struct graft_update *update, const struct graft_pool_list *list)
{
	free(update->files);
	update->file_count = 0;
	update->files = calloc(list->count + 1, sizeof(*update->files));
	if (!update->files)
		return graft_error_no_memory();
	for (size_t i = 0; i < list->count; i++)
		update->files[update->file_count++].form = list->list[i].form;
	return NULL;
}

/**
 * Get the packages that are wanted out of the repositories into the pool; a dry run only says
 * which files those are.
 */
GRAFT_MUST_CHECK static struct graft_error *
fetch_packages(struct graft_update *update, const char *pool)
{
	const struct graft_choice *choice = &update->choice;
	struct graft_repositories *repositories = update->repositories;
	GRAFT_CLEANUP(graft_wanted_deinit)
	struct graft_wanted_list wanted = { 0 };
	GRAFT_CLEANUP(graft_pool_list_deinit)
	struct graft_pool_list list = { 0 };

	struct graft_error *err = graft_wanted_find(choice->releases,
						    choice->count, &wanted);
	if (!err)
		err = graft_pool_find(pool, choice->releases, choice->count,
				      &wanted);
	if (!err)
		err = graft_pool_list(choice->releases, choice->count, &wanted,
				      &list);
	if (!err)
		err = note_files(update, &list);
	// All who must agree about a file do, before the first is fetched.
	for (size_t i = 0; !err && i < list.count; i++)
		err = graft_repositories_check(
			repositories, list.list[i].release, list.list[i].form);
	for (size_t i = 0; !err && !update->options->dry_run && i < list.count;
	     i++) {
		GRAFT_FREE char *file = NULL;
		err = graft_repositories_fetch(repositories,
					       list.list[i].release,
					       list.list[i].form, &file);
		if (!err)
			err = graft_pool_put(pool, &wanted, file);
	}
	if (err || update->options->dry_run)
		return err;
	graft_repositories_tidy(repositories);
	err = graft_pool_find(pool, choice->releases, choice->count, &wanted);
	return err ? err : graft_pool_check(&wanted);
}

/** Ask what would change here, and get the packages that no archive has. */
GRAFT_MUST_CHECK static struct graft_error *
ask(struct graft_update *update, const struct graft_update_state *state)
{
	const struct graft_choice *choice = &update->choice;
	const enum graft_config_packages from = update->config->packages;
	const bool dry_run = update->options->dry_run;
	const char *pool = graft_update_state_pool(state);
	const struct graft_cumulative_way way = {
		.pool = from == GRAFT_CONFIG_PACKAGES_ARCHIVE ? NULL : pool,
		.log = graft_update_state_log(state),
		.refresh = !dry_run && from != GRAFT_CONFIG_PACKAGES_REPOSITORY,
		.wait_s = update->options->wait_s,
	};
	struct graft_error *err = NULL;

	// Of a run that was told otherwise.
	if (from == GRAFT_CONFIG_PACKAGES_ARCHIVE && !dry_run)
		err = graft_tree_remove(pool);
	if (err)
		return err;
	if (from != GRAFT_CONFIG_PACKAGES_REPOSITORY) {
		err = graft_cumulative_ask(choice->releases, choice->count,
					   &way, &update->cumulative);
		if (!err || !update->cumulative.unknown ||
		    from == GRAFT_CONFIG_PACKAGES_ARCHIVE)
			return err;
		graft_error_free(err);
		graft_cumulative_deinit(&update->cumulative);
		update->cumulative = (struct graft_cumulative){ 0 };
	}
	err = fetch_packages(update, pool);
	// apt-get cannot be asked about what is not there.
	if (err || (dry_run && update->file_count))
		return err;
	return graft_cumulative_ask(choice->releases, choice->count, &way,
				    &update->cumulative);
}

struct graft_error *
graft_update_take_restart(struct graft_update *update)
{
	const struct graft_choice *choice = &update->choice;
	const bool dry_run = update->options->dry_run;
	const uint32_t wait_s = update->options->wait_s;
	GRAFT_CLEANUP(graft_update_state_closep)
	struct graft_update_state *state = NULL;

	if (!dry_run && geteuid() != 0)
		return graft_error_new(GRAFT_ERROR_NOT_PERMITTED,
				       "only root may install packages");
	struct graft_error *err = graft_update_state_open(&state);
	if (err)
		return err;
	const char *log = graft_update_state_log(state);
	const struct graft_update_record *record =
		graft_update_state_record(state);
	const bool again = record && record->step == GRAFT_UPDATE_INSTALLING;
	if (record && !again && is_of(record, choice)) {
		update->waits = true;
		return NULL;
	}
	// apt-get asks for that before it says anything else.
	if (again && !dry_run)
		err = graft_apt_settle(log);
	if (!err)
		err = ask(update, state);
	if (err || dry_run)
		return err;
	const graft_level level = choice->releases[choice->count - 1]->level;
	const graft_level baseline = baseline_after(update);
	if (!update->cumulative.wanted.count) {
		// Nothing of it is on this device, so nothing of it has to begin anew.
		update->raised = true;
		err = graft_update_last_take(choice->releases, choice->count,
					     false, (int64_t)time(NULL));
		return err ? err : graft_device_raise(baseline, level);
	}
	err = graft_update_state_begin(state, choice->releases, choice->count,
				       baseline, level);
	if (!err)
		err = graft_cumulative_install(state, false, wait_s);
	update->waits = !err;
	for (size_t i = 0; !err && i < update->file_count; i++)
		update->files[i].result = GRAFT_UPDATE_INSTALLED;
	return err;
}
