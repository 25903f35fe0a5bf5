// SPDX-License-Identifier: Apache-2.0

/** @file What one user may have us do in one look at a host; root may more. */

#ifndef GRAFT_HOST_BUDGET_H
#define GRAFT_HOST_BUDGET_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

enum {
	/** Old files and what stands for them that are hashed and compared, in MiB: the
	 * largest browser has 300. */
	GRAFT_BUDGET_MIB = 1024,
	/** Old files. */
	GRAFT_BUDGET_FILES = 500,
};

struct graft_budget_user;

/** What was done for each user. All zeroes is nothing. */
struct graft_budget {
	struct graft_budget_user *users;
	size_t count;
	size_t room;
};

/** Free what it owns, and make it nothing. Also its guard. */
void
graft_budget_deinit(struct graft_budget *budget);

/**
 * Let the user of a process have an old file hashed, and what stands for it, unless that is
 * too much.
 *
 * @param[in] new_fd Less than 0: nothing stands for it.
 * @return NULL; #GRAFT_ERROR_LIMIT, which names the user; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_budget_charge(struct graft_budget *budget, pid_t pid, int old_fd,
		    int new_fd);

#endif /* GRAFT_HOST_BUDGET_H */
