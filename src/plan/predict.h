// SPDX-License-Identifier: Apache-2.0

/** @file What the kernel would refuse, foreseen before anything is tried. */

#ifndef GRAFT_PLAN_PREDICT_H
#define GRAFT_PLAN_PREDICT_H

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

/**
 * Look whether a process can be given memory for a shadow.
 *
 * Memory-deny-write-execute (PR_SET_MDWE) is no obstacle: no mapping of a shadow
 * is writable and executable, and none changes its protection. Whether
 * /proc/PID/mem may write where the process may not (proc_mem.force_override)
 * shows at the first write, which changes nothing.
 *
 * @param[in] more Bytes of address space that the shadow needs.
 * @return NULL; #GRAFT_ERROR_REFUSED; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_predict(pid_t pid, uint64_t more);

#endif /* GRAFT_PLAN_PREDICT_H */
