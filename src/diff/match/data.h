// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which data of OLD stand for which data of NEW, and who says so.
 *
 * The map holds single observations, "somebody names `new` in NEW where its
 * counterpart names `old` in OLD". Nothing is concluded when they are added; the
 * question is answered by graft_diff_old_data() from all of them.
 */

#ifndef GRAFT_DIFF_DATA_H
#define GRAFT_DIFF_DATA_H

#include "diff/diff.h"

/** One observation. */
struct graft_sighting {
	uint64_t new_addr;
	uint64_t old_addr;
	/** #graft_witness, _ALIGNED or above; weak ones are _NEIGHBOURS. */
	uint8_t witness;
	/**
	 * Memory is read or written right there, or handed to who does, so the
	 * address is inside the object that it belongs to. Any other bare address
	 * may be one past an end.
	 */
	bool firm;
};

/** All observations of one pair of builds. */
struct graft_data_map {
	struct graft_sighting *sightings;
	size_t count;
	size_t cap;
	bool sorted;
	/**
	 * Functions stand in another order than in OLD, so objects may: then
	 * neither order nor distances of objects say anything.
	 */
	bool reordered;
	/** The strong ones again, by OLD address; made when sorted. */
	struct graft_sighting *by_old;
	size_t by_old_count;
};

/**
 * Add what references of matched functions say: those of the same form, line
 * numbers aside, as _REFERENCE (or _NEIGHBOURS if they match only by order),
 * aligned instructions of changed ones as _ALIGNED. Symbols are looked up when
 * asked.
 *
 * @param[in,out] diff With matches made and lines found; its data map is filled and sorted.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_data_map_fill(struct graft_diff *diff);

/**
 * Get the observations of one NEW address.
 *
 * @param[out] count_ret How many.
 * @return First of them.
 */
const struct graft_sighting *
graft_data_map_find(const struct graft_data_map *map, uint64_t new_addr,
		    size_t *count_ret);

/**
 * Get the nearest observation of matched functions beside an address, in the same
 * section.
 *
 * @param[in] behind Look behind the address; else at it and before it.
 * @return The observation, or NULL.
 */
const struct graft_sighting *
graft_data_map_near(const struct graft_diff *diff, uint64_t new_addr,
		    bool behind);

/**
 * Say whether the same OLD address is observed for another NEW address too.
 *
 * A function that names another variable than its old self is its own only
 * observer; those who still name the old one tell.
 */
bool
graft_data_map_is_contested(const struct graft_data_map *map,
			    const struct graft_sighting *sighting);

/**
 * Find the OLD address that all observations of a NEW one name, some of them
 * strong and none contested, whatever stands beside it.
 *
 * Such an address may still be the end of one thing and the start of another.
 *
 * @param[out] old_addr_ret Written if true is returned.
 */
bool
graft_data_map_agreed(const struct graft_diff *diff, uint64_t new_addr,
		      uint64_t *old_addr_ret);

/**
 * Say whether a pair of addresses stands between its neighbours on both sides.
 *
 * The linker keeps objects in order: what stands between two things moves as far
 * as one of them or something between. An address that moved farther, while both
 * neighbours stayed, names something else.
 *
 * @return Also true if there is nothing to compare with: other sections, or
 * functions in another order.
 */
bool
graft_data_map_in_order(const struct graft_diff *diff, uint64_t new_addr,
			uint64_t old_addr);

#endif /* GRAFT_DIFF_DATA_H */
