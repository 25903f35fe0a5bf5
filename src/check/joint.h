// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A map whose keys are two numbers: an address of the hotpatched OLD and one of
 * NEW that were met together.
 */

#ifndef GRAFT_CHECK_JOINT_H
#define GRAFT_CHECK_JOINT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One entry. */
struct graft_joint {
	uint64_t a;
	uint64_t b;
	uint64_t value;
	bool used;
};

/** The map. All zeroes is the empty one. */
struct graft_joint_map {
	struct graft_joint *slots;
	/** 0 or a power of two. */
	size_t room;
	size_t count;
};

/** Free what a map owns, and make it empty. Also its guard. */
void
graft_joint_map_deinit(struct graft_joint_map *map);

/**
 * Put an entry where there is none.
 *
 * @param[in] value Of a new entry.
 * @param[out] ret The entry of that key, with its value as it was or is now.
 * Valid until the next call.
 * @param[out] fresh_ret Whether it was not there.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_joint_put(struct graft_joint_map *map, uint64_t a, uint64_t b,
		uint64_t value, struct graft_joint **ret, bool *fresh_ret);

/** Find an entry, or NULL. */
const struct graft_joint *
graft_joint_find(const struct graft_joint_map *map, uint64_t a, uint64_t b);

#endif /* GRAFT_CHECK_JOINT_H */
