// SPDX-License-Identifier: Apache-2.0

/** @file What `graft restart` and `graft update` share: a cumulative update that is under way. */

#ifndef GRAFT_CMD_RESTART_H
#define GRAFT_CMD_RESTART_H

#include "base/error.h"
#include "update/record.h"

#include <stdbool.h>

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
