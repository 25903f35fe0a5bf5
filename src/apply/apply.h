// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Carry a plan out: all of it or nothing.
 *
 *     intent -> ledger          graft_jobs_run(), in the tool
 *     shadow -> process         in a guardian: apply/build.h, the target runs
 *     stop, check, jumps        in the guardian: apply/switch.h
 *     header page says applied  in the guardian
 *     outcome -> ledger         in the tool
 *
 * Whatever fails undoes what was done before it, the last first. Whoever is
 * killed leaves an open entry, and apply/recover.h does the rest.
 */

#ifndef GRAFT_APPLY_APPLY_H
#define GRAFT_APPLY_APPLY_H

#include "apply/job.h"
#include "apply/switch.h"
#include "base/error.h"
#include "plan/plan.h"

/**
 * Prepare to carry a plan out; graft_jobs_run() does it.
 *
 * @param[in] plan Made a moment ago. Taken, on error too.
 * @param[in] target It was made of this one, which is in state RUNNING: the guardian
 * takes it up. Taken, on error too.
 * @param[in] limits How long to try. Borrowed until the job is freed.
 * @param[out] ret New job; free with graft_job_free(). When it is done, its error is
 * NULL; what graft_switch_run() says; #GRAFT_ERROR_NO_SPACE_NEARBY or
 * #GRAFT_ERROR_REFUSED if the kernel gives no memory; #GRAFT_ERROR_LEDGER.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_apply_prepare(struct graft_plan *plan, struct graft_target *target,
		    const struct graft_switch_limits *limits,
		    struct graft_job **ret);

#endif /* GRAFT_APPLY_APPLY_H */
