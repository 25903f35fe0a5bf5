// SPDX-License-Identifier: Apache-2.0

/** @file What the parts of R-02 without types share. Private to layout*.c. */

#ifndef GRAFT_JUDGE_RULES_LAYOUT_H
#define GRAFT_JUDGE_RULES_LAYOUT_H

#include "judge/flow/accesses.h"
#include "judge/flow/frame.h"
#include "judge/flow/strides.h"
#include "judge/rules/checks.h"
#include "judge/types/explained.h"

/** Everything about one changed function that is looked at here. */
struct graft_layout {
	struct graft_case *c;
	const struct graft_twin *twin;
	struct graft_accesses o;
	struct graft_accesses n;
	/** Every instruction has its counterpart: nothing was added or removed,
	 * so that a displacement that differs is all that there is. */
	bool pure;
	/** Types of both builds say that no member moved. */
	bool typed;
	/** What they say of members that other code asks for; empty if not
	 * @ref typed. */
	struct graft_explained explained;
	/** By what indexes are multiplied, and that it is the same in both. */
	struct graft_strides old_strides;
	struct graft_strides new_strides;
	bool same_strides;
	/** What registers lead to in the frames. */
	struct graft_frame old_frame;
	struct graft_frame new_frame;
};

/** Refuse where members behind some point moved, by what is reached through one
 * register. */
GRAFT_MUST_CHECK struct graft_error *
graft_layout_check_sets(const struct graft_layout *layout);

/** Refuse if no displacement of OLD is left, and one movement explains them all. */
GRAFT_MUST_CHECK struct graft_error *
graft_layout_check_whole(const struct graft_layout *layout);

/** Refuse a member that is read and written in another way: it has another type. */
GRAFT_MUST_CHECK struct graft_error *
graft_layout_check_types(const struct graft_layout *layout);

/** Compare by what indexes are multiplied, wherever and however it is done. */
GRAFT_MUST_CHECK struct graft_error *
graft_layout_check_strides(const struct graft_layout *layout);

#endif /* GRAFT_JUDGE_RULES_LAYOUT_H */
