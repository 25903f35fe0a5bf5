// SPDX-License-Identifier: Apache-2.0

/** @file What a staged role says that the live one does not: what people sign. */

#ifndef GRAFT_REPO_CHANGES_H
#define GRAFT_REPO_CHANGES_H

#include "base/error.h"
#include "repo/repo_model.h"

#include <stdbool.h>

/** A change. */
struct graft_repo_change {
	/** '+' is new, '-' goes, '~' is another. */
	char sign;
	/** A target; else something that says who may sign what, or how it is read. */
	bool target;
	/** Untrusted. */
	const char *what;
};

/** Told of a change. */
typedef void
graft_repo_change_fn(void *arg, const struct graft_repo_change *change);

/**
 * Go over all that would change but version and expiry: whatever is not told is as it was.
 * Targets come last. Nothing is staged: nothing.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_each_change(const struct graft_repo_role *role,
		       graft_repo_change_fn *fn, void *arg);

#endif /* GRAFT_REPO_CHANGES_H */
