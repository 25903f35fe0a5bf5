// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * One work that was cut off, and its process: what has begun to take effect is
 * completed, what has not is undone. Live bytes and header pages decide; the
 * entries only say where to look. Knows nothing of the ledger's file, so that it
 * can run in a guardian.
 */

#ifndef GRAFT_APPLY_SETTLE_H
#define GRAFT_APPLY_SETTLE_H

#include "apply/switch.h"
#include "base/error.h"
#include "ledger/ledger.h"

/**
 * Complete or undo a work, in a guardian: what it writes must not stay half written
 * if we are killed.
 *
 * @param[in] list Open entries of the process; those of other works are left out.
 * @param[in] of Any entry of the work.
 * @param[in] limits How long to try.
 * @param[out] ret Done, or undone.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_FUNCTION_ACTIVE if threads
 * close both ways; what graft_switch_run() says. On error the work stays open.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_settle_guarded(const struct graft_ledger_list *list,
		     const struct graft_ledger_entry *of,
		     const struct graft_switch_limits *limits,
		     enum graft_ledger_outcome *ret);

#endif /* GRAFT_APPLY_SETTLE_H */
