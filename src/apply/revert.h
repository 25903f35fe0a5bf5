// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Take a hotpatch out of a process. The header pages in it are all that is
 * needed.
 *
 * The original bytes come back. The shadow is given back where jumps alone led to it
 * (apply/release.h); else it stays mapped, because pointers to carried functions and
 * constants may live in the process, and a later application of the same hotpatch uses
 * it again, so that no memory grows.
 */

#ifndef GRAFT_APPLY_REVERT_H
#define GRAFT_APPLY_REVERT_H

#include "apply/job.h"
#include "apply/switch.h"
#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/**
 * Prepare to take a hotpatch out; graft_jobs_run() does it. Where it took the place of
 * another one, that one comes back if its shadow is there; else, and otherwise, the
 * process runs OLD.
 *
 * @param[in] pid Process.
 * @param[in] id Id of the hotpatch.
 * @param[in] completely To OLD, whatever was before.
 * @param[in] limits How long to try. Borrowed until the job is freed.
 * @param[out] ret New job; free with graft_job_free(). When it is done, its error is
 * NULL or what graft_switch_run() says.
 * @return NULL; #GRAFT_ERROR_NOT_APPLIED; why the process cannot be looked at.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_revert_prepare(pid_t pid, const char *id, bool completely,
		     const struct graft_switch_limits *limits,
		     struct graft_job **ret);

#endif /* GRAFT_APPLY_REVERT_H */
