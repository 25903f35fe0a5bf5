// SPDX-License-Identifier: Apache-2.0

/** @file What was so when a switch was planned, asked again right before it. */

#ifndef GRAFT_APPLY_RECHECK_H
#define GRAFT_APPLY_RECHECK_H

#include "base/error.h"
#include "plan/header.h"
#include "proc/target.h"

#include <stddef.h>

/**
 * See that each module is still the one that was planned for.
 *
 * @param[in] headers Of hotpatches that come or leave.
 * @return NULL; #GRAFT_ERROR_REFUSED; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_recheck_modules(struct graft_target *target,
		      const struct graft_header *const *headers, size_t count);

/**
 * See that each shadow that comes is still there: somebody who keeps another ledger may
 * have taken it for one that was left, while we waited for a thread.
 *
 * @param[in] headers Of those that come.
 * @return NULL; #GRAFT_ERROR_REFUSED; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_recheck_shadows(struct graft_target *target,
		      const struct graft_header *const *headers, size_t count);

#endif /* GRAFT_APPLY_RECHECK_H */
