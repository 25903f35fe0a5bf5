// SPDX-License-Identifier: Apache-2.0

/** @file The control group of a process, by which systemd knows its services. */

#ifndef GRAFT_PROC_CGROUP_H
#define GRAFT_PROC_CGROUP_H

#include "base/error.h"

#include <sys/types.h>

/**
 * Read the control group of a process: that of version 2, or where there is none
 * that of the hierarchy that systemd keeps for itself; cgroups(7).
 *
 * @param[out] ret New string that the caller frees: a path that begins with '/', as our
 * namespace of groups sees it; "/" if there is nothing of the kind. Whoever may make
 * groups has chosen it: it may hold any byte but NUL and newline.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_cgroup_read(pid_t pid, char **ret);

/** As graft_cgroup_read(), of the text of /proc/PID/cgroup. @param[in] text Ends with
 * NUL. */
GRAFT_MUST_CHECK struct graft_error *
graft_cgroup_parse(const char *text, char **ret);

#endif /* GRAFT_PROC_CGROUP_H */
