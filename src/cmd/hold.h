// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Hotpatches that are held back: in quarantine because somebody crashed with them, or,
 * for who works unattended, taken out by hand.
 */

#ifndef GRAFT_CMD_HOLD_H
#define GRAFT_CMD_HOLD_H

#include "base/error.h"
#include "patch/patch.h"

#include <stdbool.h>
#include <sys/types.h>

struct graft_quarantine;

/**
 * Ask whether a hotpatch may be applied.
 *
 * @param[in] patch Has its id.
 * @param[in] unattended Nobody asked for just this one: if the last thing that was done
 * with it is that it was reverted, and it was not released since, it stays out.
 * @param[out] ret What graft_hold_ask_process() needs; free with
 * graft_quarantine_free(). NULL: nobody asks it.
 * @return NULL; #GRAFT_ERROR_REFUSED with the reason and what helps;
 * #GRAFT_ERROR_BAD_INPUT if the quarantine is damaged; #GRAFT_ERROR_LEDGER.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_hold_ask(const struct graft_patch *patch, bool unattended,
	       struct graft_quarantine **ret);

/**
 * Ask whether a hotpatch may be applied to a process: it may be held for its user alone, in
 * whose processes it crashed.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED with the reason and what helps;
 * #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_hold_ask_process(const struct graft_quarantine *quarantine,
		       const struct graft_patch *patch, pid_t pid);

#endif /* GRAFT_CMD_HOLD_H */
