// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Pairs of files that could not be compared within the bounds of a comparison, beside the
 * verdicts that are kept: a pair that was too much is not tried again by each sync, but
 * when a bound was raised, and once a day.
 */

#ifndef GRAFT_CMD_SYNC_EXCEEDED_H
#define GRAFT_CMD_SYNC_EXCEEDED_H

#include "base/error.h"

struct graft_sandbox_bounds;

/**
 * Ask whether a pair is known to exceed the bounds that a comparison has now.
 *
 * @param[in] verdict Where its verdict would be kept.
 * @return NULL: it is to be compared; #GRAFT_ERROR_LIMIT with the bound.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_exceeded_check(const char *verdict);

/**
 * Remember which bound a pair exceeded, or forget it. What fails costs time, nothing else.
 *
 * @param[in] dir Of the verdicts; made if it is missing.
 * @param[in] verdict Where its verdict would be kept.
 * @param[in] exceeded Both 0: none.
 */
void
graft_exceeded_keep(const char *dir, const char *verdict,
		    const struct graft_sandbox_bounds *exceeded);

#endif /* GRAFT_CMD_SYNC_EXCEEDED_H */
