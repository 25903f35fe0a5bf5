// SPDX-License-Identifier: Apache-2.0

/** @file Which processes there are, and which threads a process has. */

#ifndef GRAFT_PROC_LIST_H
#define GRAFT_PROC_LIST_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

/**
 * List the processes of our PID namespace, ourselves and kernel threads too.
 *
 * @param[out] ret New array that the caller frees; ascending.
 * @param[out] count_ret How many.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_proc_list(pid_t **ret, size_t *count_ret);

/**
 * List the threads of a process.
 *
 * @param[out] ret New array that the caller frees; ascending.
 * @param[out] count_ret How many.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_proc_list_threads(pid_t pid, pid_t **ret, size_t *count_ret);

#endif /* GRAFT_PROC_LIST_H */
