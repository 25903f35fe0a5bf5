// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The addresses of writable data that a build takes, and how far each may lead.
 *
 * What code names is used there and nowhere else. An address that is taken may be
 * moved on, so that what it leads to may end anywhere, unless all that becomes of
 * it is known (diff/code/used.h). And where all locks that a
 * build takes are named by their address, no array has locks in its elements, so
 * that an array in front of a lock ends there.
 */

#ifndef GRAFT_JUDGE_TAKEN_H
#define GRAFT_JUDGE_TAKEN_H

#include "diff/code/code.h"

/** The addresses that are taken in one build, ascending; some stand twice. */
struct graft_taken {
	/** Borrowed. */
	const struct graft_code *code;
	struct graft_taken_address {
		uint64_t addr;
		/** Where ends what is used behind it; UINT64_MAX: anywhere. */
		uint64_t end;
		/** A lock stands there. */
		bool is_lock;
	} * list;
	size_t count;
};

/**
 * Collect them: by code, by pointers in data, and those that other modules name.
 *
 * @param[in] code Borrowed until the list is freed.
 * @param[out] ret Filled; free with graft_taken_deinit().
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_taken_collect(const struct graft_code *code, struct graft_taken *ret);

/** Free what the list owns, and zero it. Also its guard. */
void
graft_taken_deinit(struct graft_taken *taken);

/**
 * Find where ends what is used through addresses of a stretch.
 *
 * @param[in] start Addresses behind it; @p end addresses before it.
 * @return The furthest end; @p start if there are none.
 */
uint64_t
graft_taken_used_end(const struct graft_taken *taken, uint64_t start,
		     uint64_t end);

/**
 * Look for an object with a taken address in a stretch that may go on behind it.
 *
 * @param[in] start First address; @p end the one behind the last.
 * @param[out] last_ret Last address of such an object, if true is returned.
 */
bool
graft_taken_goes_on(const struct graft_taken *taken, uint64_t start,
		    uint64_t end, uint64_t *last_ret);

/**
 * Find the first lock behind an address.
 *
 * @return Its address; UINT64_MAX if there is none, or arrays may hold locks.
 */
uint64_t
graft_taken_lock_behind(const struct graft_taken *taken, uint64_t addr);

#endif /* GRAFT_JUDGE_TAKEN_H */
