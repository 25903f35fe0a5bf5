// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which stretches of writable sections hold nothing but objects with a name.
 *
 * Where each object of a stretch has a symbol with a size, and its counterpart the
 * same size, the distance of two of them says nothing more. What has no symbol is
 * seen by being named: code or a relocation has its address.
 */

#ifndef GRAFT_JUDGE_COVERED_H
#define GRAFT_JUDGE_COVERED_H

#include "diff/diff.h"

/** An object with a symbol. */
struct graft_covered_object {
	uint64_t addr;
	uint64_t end;
	/** Its counterpart has the same size, or OLD has none. */
	bool same;
};

/** The objects of one build, ascending. */
struct graft_covered_side {
	struct graft_covered_object *list;
	size_t count;
};

/** The objects of both builds. */
struct graft_covered {
	/** Borrowed. */
	const struct graft_diff *diff;
	struct graft_covered_side old_side;
	struct graft_covered_side new_side;
};

/** An address of NEW and one of OLD where stretches begin and end. */
struct graft_covered_stretch {
	uint64_t new_start;
	uint64_t new_end;
	uint64_t old_start;
	uint64_t old_end;
};

/**
 * Collect the objects of both builds.
 *
 * @param[in] diff Borrowed until the objects are freed.
 * @param[out] ret Filled; free with graft_covered_deinit().
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_covered_init(const struct graft_diff *diff, struct graft_covered *ret);

/** Free what was collected, and zero it. Also its guard. */
void
graft_covered_deinit(struct graft_covered *covered);

/**
 * Say whether a stretch holds, on both sides, nothing but objects with symbols
 * and of the same size as their counterparts, and what aligns them.
 */
bool
graft_covered_is(const struct graft_covered *covered,
		 const struct graft_covered_stretch *stretch);

#endif /* GRAFT_JUDGE_COVERED_H */
