// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Functions of OLD that have no counterpart, and the new functions that may be
 * their new versions.
 *
 * Where the files have no symbols, a function that changed too much to be
 * recognised looks like one that went and another one that came. A new function
 * is positively new only if no OLD function of unknown fate was used where it is
 * used, and none stood where it stands.
 */

#ifndef GRAFT_JUDGE_FATES_H
#define GRAFT_JUDGE_FATES_H

#include "judge/case.h"

/** An OLD and a NEW function without counterparts that may be the same. */
struct graft_fate {
	uint32_t old_func;
	uint32_t new_func;
};

/** All of them. */
struct graft_fates {
	struct graft_fate *list;
	size_t count;
	size_t cap;
};

/**
 * Find the carried functions without counterpart that an OLD function without
 * counterpart may have become.
 *
 * What neither touches memory beyond its frame nor calls anything is left out:
 * whatever it was, it cannot do harm to what OLD left.
 *
 * @param[out] ret Filled; free with graft_fates_deinit().
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_fates_find(struct graft_case *c, struct graft_fates *ret);

/** Free what a list owns, and zero it. Also its guard. */
void
graft_fates_deinit(struct graft_fates *fates);

/** Refuse since two functions cannot be compared. */
GRAFT_MUST_CHECK struct graft_error *
graft_fate_refuse(struct graft_case *c, const struct graft_fate *fate);

#endif /* GRAFT_JUDGE_FATES_H */
