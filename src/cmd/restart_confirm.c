// SPDX-License-Identifier: Apache-2.0

#include "cmd/restart.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "cmd/device.h"
#include "update/cumulative.h"
#include "update/last.h"

#include <time.h>

struct graft_error *
graft_restart_confirm(struct graft_update_state *state)
{
	const struct graft_update_record *record =
		graft_update_state_record(state);
	struct graft_facts facts;
	struct graft_error *err = graft_device_look(&facts);

	if (err)
		return err;
	err = graft_cumulative_check(state);
	if (err && graft_error_code(err) == GRAFT_ERROR_REFUSED) {
		struct graft_error *other = graft_update_state_forget(state);
		graft_error_free(other);
		return graft_error_prefix(
			err, "the host was restarted, and is not at %s",
			graft_level_write(record->level).str);
	}
	// A hotpatch may have come while it waited.
	if (!err)
		err = graft_device_raise(record->baseline,
					 facts.level > record->level
						 ? facts.level
						 : record->level);
	if (!err)
		err = graft_update_last_take(graft_update_state_releases(state),
					     record->releases.count, false,
					     (int64_t)time(NULL));
	if (!err)
		err = graft_fault("restart-raised");
	return err ? err : graft_update_state_forget(state);
}

struct graft_error *
graft_restart_confirm_if_restarted(bool *done_ret)
{
	GRAFT_CLEANUP(graft_update_state_closep)
	struct graft_update_state *state = NULL;
	bool restarted = false;

	*done_ret = false;
	if (!graft_update_state_is_there())
		return NULL;
	struct graft_error *err = graft_update_state_open(&state);
	const struct graft_update_record *record =
		err ? NULL : graft_update_state_record(state);
	if (err || !record || record->step == GRAFT_UPDATE_INSTALLING)
		return err;
	err = graft_cumulative_was_restarted(state, &restarted);
	if (!err && restarted) {
		err = graft_restart_confirm(state);
		*done_ret = !err;
	}
	return err;
}
