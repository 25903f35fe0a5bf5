// SPDX-License-Identifier: Apache-2.0

#include "cmd/update.h"

#include "cmd/device.h"
#include "update/last.h"

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
		err = graft_cumulative_ask(choice->releases, choice->count,
					   !dry_run, wait_s, log,
					   &update->cumulative);
	if (err || dry_run)
		return err;
	const graft_level level = choice->releases[choice->count - 1]->level;
	const graft_level baseline = baseline_after(update);
	if (!update->cumulative.wanted.count) {
		// Nothing of it is on this device, so nothing of it has to begin anew.
		update->raised = true;
		err = graft_device_raise(baseline, level);
		return err ? err
			   : graft_update_last_take(choice->releases,
						    choice->count, false,
						    (int64_t)time(NULL));
	}
	err = graft_update_state_begin(state, choice->releases, choice->count,
				       baseline, level);
	if (!err)
		err = graft_cumulative_install(state, false, wait_s);
	update->waits = !err;
	return err;
}
