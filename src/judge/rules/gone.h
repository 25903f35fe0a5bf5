// SPDX-License-Identifier: Apache-2.0

/** @file Whether a pointer is gone, too, where what it points to is ended. */

#ifndef GRAFT_JUDGE_GONE_H
#define GRAFT_JUDGE_GONE_H

#include "judge/rules/kept_at.h"

/** What is known of pointers in one function. */
struct graft_gone_seen;

/** A member that is read, and what it points to ended. */
struct graft_gone {
	struct graft_kept_at at;
	/** Index of the instruction that reads it, and of the call that ends. */
	uint32_t load;
	uint32_t call;
	/** Zero in it is no sign that there is nothing: it is an open file. */
	bool zero_is_something;
};

/**
 * Work out what is known in a function.
 *
 * @param[in,out] seen If it is NULL, gets a new one; free it with free(3).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_gone_follow(const struct graft_case *c, const struct graft_ops *ops,
		  struct graft_gone_seen **seen);

/** Say whether the member is set anew, or ends with its object, on every way from
 * where it is read, over the call that ends what stood there. */
bool
graft_gone_is(const struct graft_case *c, const struct graft_ops *ops,
	      const struct graft_gone_seen *seen,
	      const struct graft_gone *gone);

#endif /* GRAFT_JUDGE_GONE_H */
