// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Whose a process is: which user alone can make it end as of a crash.
 *
 * That is not the effective user only. Who has a process's real or saved number may signal
 * it (kill(2)), and who made a user namespace may signal all in it, under whatever numbers
 * they run there.
 */

#ifndef GRAFT_HOST_OWNER_H
#define GRAFT_HOST_OWNER_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/** The real, effective and saved user of a process. */
struct graft_owner_ids {
	uid_t real;
	uid_t effective;
	uid_t saved;
};

/**
 * Parse what /proc/PID/status says of users.
 *
 * @param[in] text Ends with NUL.
 * @return false if it says nothing of them.
 */
bool
graft_owner_parse(const char *text, struct graft_owner_ids *ret);

/** Get whose a process with these users is: the first of them that is not root; 0: root's. */
uid_t
graft_owner_of(const struct graft_owner_ids *ids);

/**
 * Find out whose a process is, also of one that has ended and was not waited for.
 *
 * Of a process in another user namespace it is who made that namespace (the one that was
 * made from ours); if that was root, what the first user in it is here.
 *
 * @param[out] ret 0: root's.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_owner_read(pid_t pid, uid_t *ret);

/**
 * Say whether what a process holds is a user's to have: it is his, or forks what is
 * his, as a server of root does whose workers are another user. Those are its children
 * that run the same program. Process 1 forks nothing of that kind.
 *
 * @param[in] uid Not root.
 * @param[out] ret It is; false for who is gone.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_owner_is(pid_t pid, uid_t uid, bool *ret);

#endif /* GRAFT_HOST_OWNER_H */
