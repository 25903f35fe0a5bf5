// SPDX-License-Identifier: Apache-2.0

/** @file What the kernel would refuse, foreseen before anything is tried. */

#ifndef GRAFT_PLAN_PREDICT_H
#define GRAFT_PLAN_PREDICT_H

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

struct graft_memory_groups;

struct graft_proc_status;

/**
 * Look whether the address space of a process has room for a shadow.
 *
 * @param[in] status What is known of it; its limits are read.
 * @param[in] more As for graft_predict().
 * @return NULL; #GRAFT_ERROR_REFUSED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_predict_space(pid_t pid, const struct graft_proc_status *status,
		    uint64_t more);

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

/**
 * Look whether the memory control groups of a process have room for what is written
 * into it. Where they have not, the kernel kills for a write from outside, so nothing
 * may be tried.
 *
 * @param[in] root What stands before /proc and the mounts of groups; "" is the
 * host's.
 * @param[in,out] groups What is known of groups, or NULL.
 * @param[in] tid A live thread of the process: one that ended is in no group.
 * @param[in] bytes Most bytes that are charged: whole pages. A margin is added.
 * @return NULL, also if its groups cannot be found or read; #GRAFT_ERROR_REFUSED with
 * the group, what it has left and what would help.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_predict_charge(const char *root, struct graft_memory_groups *groups,
		     pid_t tid, uint64_t bytes);

#endif /* GRAFT_PLAN_PREDICT_H */
