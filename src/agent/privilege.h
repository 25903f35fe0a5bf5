// SPDX-License-Identifier: Apache-2.0

/** @file What the two processes of graftd give up of root's rights. */

#ifndef GRAFT_AGENT_PRIVILEGE_H
#define GRAFT_AGENT_PRIVILEGE_H

#include "base/error.h"

#include <sys/types.h>

/** Who a process becomes. */
struct graft_privilege_user {
	uid_t uid;
	gid_t gid;
};

/**
 * Find who the front is to be.
 *
 * @param[in] name From the configuration; if there is no such user, "nobody" is taken.
 * @param[out] ret Never root.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_BAD_INPUT if it is root.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_privilege_find_user(const char *name, struct graft_privilege_user *ret);

/**
 * Give up all: the user, groups, capabilities, what a program could give back, and all
 * system calls but those that the front makes. It cannot be undone. From here on the end of
 * the parent, by whatever it comes, kills us.
 *
 * @param[in] user Who to become.
 * @param[in] parent Who must be our parent.
 * @return NULL; #GRAFT_ERROR_OS with EPIPE if the parent has ended.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_privilege_drop_all(const struct graft_privilege_user *user, pid_t parent);

/**
 * Give up the capabilities that the worker and graft do not need. There is no
 * seccomp filter: who has one may not put another's to rest (ptrace(2),
 * PTRACE_O_SUSPEND_SECCOMP), as graft must.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_privilege_drop_some(void);

#endif /* GRAFT_AGENT_PRIVILEGE_H */
