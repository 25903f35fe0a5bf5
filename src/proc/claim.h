// SPDX-License-Identifier: Apache-2.0

/** @file Who works on a process, known to all of this host. */

#ifndef GRAFT_PROC_CLAIM_H
#define GRAFT_PROC_CLAIM_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/**
 * Claim a process, with a flock(2) on its /proc/PID/mem: whoever may not trace it
 * cannot hold it either, and no directory need be agreed on. Children inherit the
 * claim; it ends with the last copy of the descriptor.
 *
 * @param[out] fd_ret Descriptor, which the caller closes; -1 if another holds the
 * claim, or if the process cannot be traced or is gone (then nobody works on it).
 * @param[out] held_ret Another holds it.
 */
void
graft_claim_try(pid_t pid, int *fd_ret, bool *held_ret);

#endif /* GRAFT_PROC_CLAIM_H */
