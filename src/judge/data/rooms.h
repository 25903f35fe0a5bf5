// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Whether objects that changed places in a writable section kept their sizes.
 *
 * Where the linker put them in another order, what follows an object says nothing
 * of it. But what stands in one order and at one distance on both sides, a
 * *block*, moved as a whole, and the last object of a block has its room: up to
 * the next thing that is known. It has not grown if its room has not, or if code
 * names it by itself only, never its address, so that all that is used of it is
 * what is named.
 */

#ifndef GRAFT_JUDGE_ROOMS_H
#define GRAFT_JUDGE_ROOMS_H

#include "judge/data/anchors.h"
#include "judge/data/taken.h"

/** The blocks of one section. */
struct graft_rooms {
	/** Borrowed. */
	const struct graft_diff *diff;
	const struct graft_anchors *anchors;
	/** The anchors again, ascending in OLD. */
	struct graft_anchor *olds;
	size_t old_count;
	struct graft_taken old_taken;
	struct graft_taken new_taken;
};

/**
 * Look at a section of NEW in which objects may have changed places.
 *
 * @param[in] anchors With an old section; borrowed until the rooms are freed.
 * @param[out] ret Filled; free with graft_rooms_deinit().
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_rooms_init(const struct graft_diff *diff,
		 const struct graft_anchors *anchors, struct graft_rooms *ret);

/** Free what rooms own, and zero them. Also their guard. */
void
graft_rooms_deinit(struct graft_rooms *rooms);

/**
 * Say whether what follows an anchor, or begins the section, followed it in OLD
 * too.
 *
 * @param[in] i Index of what follows; the number of anchors: the section's end.
 */
bool
graft_rooms_follows(const struct graft_rooms *rooms, size_t i);

/**
 * Say whether nobody takes the address of the last object of a block: code
 * names all that it uses of it.
 *
 * @param[in] i Index of the last anchor of the block.
 */
bool
graft_rooms_is_named_only(const struct graft_rooms *rooms, size_t i);

/**
 * Say whether the last object of a block fits where it stood in OLD.
 *
 * @param[in] i Index of the last anchor of the block.
 * @param[out] was_ret Its room in OLD; @p is_ret in NEW.
 */
bool
graft_rooms_fits(const struct graft_rooms *rooms, size_t i, uint64_t *was_ret,
		 uint64_t *is_ret);

/**
 * Look for what may have moved inside of an object: it follows what has its
 * address taken on both sides, at two distances, and nothing that is known, nor a
 * lock, stands between them on one side only. The third element of an array that
 * became the fifth looks like an object that changed places. So does what stands
 * where code walks, and stood otherwise to where the walk starts.
 *
 * @param[out] ret Index of the first anchor of it, written if there is one.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_rooms_find_mixed(const struct graft_rooms *rooms, bool *found_ret,
		       size_t *ret);

#endif /* GRAFT_JUDGE_ROOMS_H */
