// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Whether types explain that two instructions that stand for each other reach
 * memory at different distances, where no type differs between both builds.
 *
 * They do if one reaches a member of a struct: that did not move, and the other
 * is something else. They do not if both go through a pointer to bytes: what
 * lies in front of them may have grown, and is described nowhere. A type that only `sizeof` names is left
 * out of debug information.
 */

#ifndef GRAFT_JUDGE_TYPES_EXPLAINED_H
#define GRAFT_JUDGE_TYPES_EXPLAINED_H

#include "judge/case.h"
#include "judge/flow/twin.h"

/** What of two functions that stand for each other is explained, for each
 * instruction; NULL if nothing is. */
struct graft_explained {
	bool *o;
	bool *n;
};

/** Read what both functions reach. @param[out] ret Free with
 * graft_explained_deinit(). */
GRAFT_MUST_CHECK struct graft_error *
graft_explained_read(const struct graft_case *c, const struct graft_twin *twin,
		     struct graft_explained *ret);

/** Say whether it is explained that two instructions differ in what they
 * reach. */
bool
graft_explained_pair(const struct graft_explained *explained,
		     const struct graft_twin_pair *pair);

/** Free what is known, and zero it. Also its guard. */
void
graft_explained_deinit(struct graft_explained *explained);

#endif /* GRAFT_JUDGE_TYPES_EXPLAINED_H */
