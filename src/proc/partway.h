// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Who had better not be stopped now: threads in calls that a stop ends half done.
 *
 * A write(2) or recv(2) with MSG_WAITALL that has moved a part of its bytes and waits to move
 * the others returns the part when its thread is stopped, as it does for a signal: the kernel
 * forgets nothing, but has no way to go on. Programs should expect that, and not all do. It
 * cannot be mended afterwards, so a moment is chosen, if there is one, in which no thread is
 * in such a call.
 */

#ifndef GRAFT_PROC_PARTWAY_H
#define GRAFT_PROC_PARTWAY_H

#include "proc/target.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Parse what /proc/PID/task/TID/syscall says: is it a call that may have moved a part?
 *
 * @param[in] text Ends with NUL.
 */
bool
graft_partway_parse(const char *text);

/** Say whether a running thread waits in such a call. false also if that is not known. */
bool
graft_partway_is_in(pid_t pid, pid_t tid);

/**
 * Wait until the threads of a target are out of such calls, for 20 ms at most; not of
 * hundreds of threads. State ATTACHED.
 *
 * @param[in] all All of them; else one is enough.
 */
void
graft_partway_wait(struct graft_target *target, bool all);

#endif /* GRAFT_PROC_PARTWAY_H */
