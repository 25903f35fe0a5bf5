// SPDX-License-Identifier: Apache-2.0

/** @file Processes that run in the memory of another one. */

#ifndef GRAFT_PROC_SHARER_H
#define GRAFT_PROC_SHARER_H

#include "base/error.h"

#include <sys/types.h>

struct graft_sharers;

/**
 * Find another process that runs in the same memory: a child of clone(2) with
 * CLONE_VM and without CLONE_THREAD, or its parent.
 *
 * Such a process is stopped by nobody who stops this one, and its stacks are
 * seen by nobody who looks at the threads of this one. What kcmp(2) may not be
 * asked about (a process of another user) cannot be one; a kernel without it
 * answers that there is none, and so does a process whose first thread ended.
 *
 * @param[in] pid Process in our PID namespace.
 * @param[in] tid A thread of it that lives, or 0: one is looked for.
 * @param[in] known What was seen of all processes before, or NULL: who was alone
 * then and still is need not be compared with each of them.
 * @param[out] ret The other process, or 0.
 * @return NULL; #GRAFT_ERROR_OS; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sharer_find(pid_t pid, pid_t tid, struct graft_sharers *known,
		  pid_t *ret);

/**
 * Say that a process is refused because another one runs in its memory.
 *
 * @param[in] other The other one.
 * @return #GRAFT_ERROR_FUNCTION_ACTIVE, always: waiting may help.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sharer_refuse(pid_t other);

#endif /* GRAFT_PROC_SHARER_H */
