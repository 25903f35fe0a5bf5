// SPDX-License-Identifier: Apache-2.0

#include "host/budget.h"

#include "base/vec.h"
#include "proc/status.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

/** What was done for one user. */
struct graft_budget_user {
	uid_t uid;
	uint64_t bytes;
	size_t files;
};

void
graft_budget_deinit(struct graft_budget *budget)
{
	free(budget->users);
	*budget = (struct graft_budget){ 0 };
}

/** Find what was hashed for a user, or begin with him. */
GRAFT_MUST_CHECK static struct graft_error *
find_user(struct graft_budget *budget, uid_t uid,
	  struct graft_budget_user **ret)
{
	struct graft_error *err = NULL;
	size_t at = 0;

	while (at < budget->count && budget->users[at].uid != uid)
		at++;
	if (at == budget->count) {
		err = graft_vec_reserve(&budget->users, &budget->room, at + 1,
					sizeof(*budget->users));
		if (err)
			return err;
		budget->users[budget->count++] =
			(struct graft_budget_user){ .uid = uid };
	}
	*ret = &budget->users[at];
	return NULL;
}

struct graft_error *
graft_budget_charge(struct graft_budget *budget, pid_t pid, int old_fd,
		    int new_fd)
{
	struct graft_proc_status status = { 0 };
	struct graft_budget_user *user;
	struct stat was;
	struct stat is = { 0 };
	struct graft_error *err = graft_proc_status_glance(pid, &status);

	if (err || status.uid == 0)
		return err;
	if (fstat(old_fd, &was) < 0 || (new_fd >= 0 && fstat(new_fd, &is) < 0))
		return graft_error_os(errno, "stat");
	err = find_user(budget, status.uid, &user);
	if (err)
		return err;
	uint64_t bytes = (uint64_t)was.st_size + (uint64_t)is.st_size;
	if (user->files < GRAFT_BUDGET_FILES &&
	    bytes <= ((uint64_t)GRAFT_BUDGET_MIB << 20) - user->bytes) {
		user->bytes += bytes;
		user->files++;
		return NULL;
	}
	return graft_error_new(
		GRAFT_ERROR_LIMIT,
		"user %u has more old files than are looked at (%d of together %d MiB)",
		status.uid, GRAFT_BUDGET_FILES, GRAFT_BUDGET_MIB);
}
