// SPDX-License-Identifier: Apache-2.0

/** @file Work that was cut off, as a process itself tells it. */

#ifndef GRAFT_APPLY_ORPHANS_H
#define GRAFT_APPLY_ORPHANS_H

#include "base/error.h"
#include "ledger/ledger.h"
#include "plan/find.h"

#include <sys/types.h>

/** What entries of a ledger would say, had one been kept. */
struct graft_orphans {
	/** Its strings are those of the headers. */
	struct graft_ledger_list list;
	struct graft_headers *headers;
};

/** Free what orphans own. Also the guard. */
void
graft_orphans_deinit(struct graft_orphans *orphans);

/**
 * Find them. Touches nothing.
 *
 * A module is one if its header page says `building`, `ready` or `reverting`, or
 * if some of its jumps are in and some are not, or are ruined; and with it all
 * modules of the same hotpatch whose jumps are in.
 *
 * @param[in] pid Process.
 * @param[out] ret All zeroes before; free with graft_orphans_deinit().
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NOT_PERMITTED;
 * #GRAFT_ERROR_UNSUPPORTED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_orphans_find(pid_t pid, struct graft_orphans *ret);

#endif /* GRAFT_APPLY_ORPHANS_H */
