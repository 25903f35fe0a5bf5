// SPDX-License-Identifier: Apache-2.0

/** @file What `graft restart` and `graft update` share: a cumulative update that is under way. */

#ifndef GRAFT_CMD_RESTART_H
#define GRAFT_CMD_RESTART_H

#include "base/error.h"
#include "base/text.h"
#include "update/record.h"
#include "update/window.h"

#include <stdbool.h>
#include <stdint.h>

/** A restart that is seen to. */
struct graft_restart {
	struct graft_update_state *state;
	struct graft_window *window;
	struct graft_update_record *record;
	/** The host was restarted since. */
	bool restarted;
	/** Somebody said that nothing may change (device.conf). */
	bool held;
	struct graft_window_due due;
	int64_t now;
	/** What was done, in a word; NULL: nothing. */
	const char *done;
};

/** Free what a restart owns. Also its guard. */
void
graft_restart_deinit(struct graft_restart *restart);

/**
 * Look at what waits.
 *
 * @param[in] config Path of the window's file; NULL: the usual one, which may be missing.
 * @param[out] ret Zeroed; graft_restart_deinit(), whatever the result. Its record is NULL if nothing
 * waits. The process is in the window's zone afterwards.
 * @return NULL; as graft_window_parse(), graft_update_state_open().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_restart_open(const char *config, struct graft_restart *ret);

/** Say whether it was asked for and may still come. */
bool
graft_restart_is_coming(const struct graft_restart *restart);

/** Append what was done and what waits. */
void
graft_restart_print(const struct graft_restart *restart,
		    struct graft_text *text);

/** The same as JSON. */
GRAFT_MUST_CHECK struct graft_error *
graft_restart_print_json(const struct graft_restart *restart,
			 struct graft_text *text);

/**
 * End an update whose host was restarted: packages and builds are looked at, the levels are
 * written down, and the record goes. If they are not what they shall be, it goes too, and the levels
 * stay: the next update begins anew.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED with what is wrong. Fault point "restart-raised".
 */
GRAFT_MUST_CHECK struct graft_error *
graft_restart_confirm(struct graft_update_state *state);

/**
 * Confirm an update whose host was restarted, if there is one.
 *
 * @param[out] done_ret There was.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_restart_confirm_if_restarted(bool *done_ret);

#endif /* GRAFT_CMD_RESTART_H */
