// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What was cut off: open entries of the ledger, completed or undone.
 *
 * The header pages and the live bytes decide. Entries of processes that are gone
 * are closed as such. The caller holds the lock of each process (apply/lock.h),
 * so an open entry belongs to nobody who is still at work.
 */

#ifndef GRAFT_APPLY_RECOVER_H
#define GRAFT_APPLY_RECOVER_H

#include "apply/switch.h"
#include "base/error.h"
#include "ledger/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** How many open entries there were, and what became of them. */
struct graft_recover_result {
	size_t completed;
	size_t undone;
	size_t gone;
	/** Still open: a thread is in the way, or the process cannot be read. */
	size_t left;
};

/**
 * Work off the open entries of a process.
 *
 * @param[in] pid Process, alive or not.
 * @param[in] limits How long to try where a switch is half made.
 * @param[in,out] ret Counts are added.
 * @return NULL; #GRAFT_ERROR_LEDGER; the first error of those that are left.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_recover_pid(struct graft_ledger *ledger, pid_t pid,
		  const struct graft_switch_limits *limits,
		  struct graft_recover_result *ret);

/**
 * Say whether a process holds work that was cut off, by its header pages and
 * live bytes alone. Touches nothing; who is at work there now looks the same.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_recover_look(pid_t pid, bool *ret);

/**
 * Work off what no ledger knows (it was lost, or is another one): modules whose
 * header page or live bytes say that work on them was cut off, and those of which
 * a uprobe ruined jumps. The caller holds the lock of the process.
 *
 * A header page that was mapped and never written cannot be found this way; it
 * stays, and nothing leads to it.
 *
 * @param[in] limits How long to try where a switch is half made.
 * @param[in,out] ret Counts are added.
 * @return NULL; the first error of those that are left.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_recover_orphans(pid_t pid, const struct graft_switch_limits *limits,
		      struct graft_recover_result *ret);

/**
 * Work off the entries of our own work whose guardian was killed, or could
 * neither finish nor undo it (graft_switch_result::unsettled).
 *
 * @param[in] err What happened; ownership passes in and comes back, with what was
 * done about it in front.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_recover_after_kill(struct graft_ledger *ledger, pid_t pid,
			 struct graft_error *err);

#endif /* GRAFT_APPLY_RECOVER_H */
