// SPDX-License-Identifier: Apache-2.0

/** @file Which processes hold which hotpatch, for other verbs. */

#ifndef GRAFT_CMD_STATUS_H
#define GRAFT_CMD_STATUS_H

#include "base/error.h"
#include "report/host.h"

/**
 * Look at all processes; none is stopped. One that cannot be looked at holds nothing of ours, but
 * for those of somebody else: they are counted.
 *
 * @param[in,out] report Empty.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_status_collect(struct graft_report *report);

#endif /* GRAFT_CMD_STATUS_H */
