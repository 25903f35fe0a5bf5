// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A work on a process, done in a guardian (proc/guardian.h).
 *
 * The guardian does the half that touches the process, the tool the half that
 * writes the ledger (SQLite forbids to use a connection on both sides of a
 * fork). If only the guardian lives, the entry stays open, and the next run
 * reads the outcome off the process.
 */

#ifndef GRAFT_APPLY_JOB_H
#define GRAFT_APPLY_JOB_H

#include "apply/switch.h"
#include "base/error.h"
#include "plan/sightings.h"

#include <stdbool.h>

/**
 * The work.
 *
 * @param[in] ctx What graft_job_run() was given.
 * @param[out] result Zeroes at first; sent back on error too.
 */
typedef struct graft_error *(*graft_job_fn)(const void *ctx,
					    struct graft_switch_result *result);

/**
 * Do a work in a guardian and wait for it.
 *
 * @param[in,out] sightings Gets what the guardian saw of code; the work adds to the same
 * in its own memory. NULL: none.
 * @param[out] result How it went; also when the work failed.
 * @param[out] killed_ret The guardian was killed: what it did is not known.
 * @return What @p fn returned, or why there was no answer.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_job_run(graft_job_fn fn, const void *ctx,
	      struct graft_sightings *sightings,
	      struct graft_switch_result *result, bool *killed_ret);

#endif /* GRAFT_APPLY_JOB_H */
