// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What was seen in the code of files before, within one command: a thousand
 * processes of one library need one look at it.
 *
 * Knows nothing of what is looked for. What one process shows is believed of others
 * only where it is the unchanged file, and where both could trace each other: the key
 * says so (proc/backing.h).
 */

#ifndef GRAFT_PLAN_SIGHTINGS_H
#define GRAFT_PLAN_SIGHTINGS_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** Numbers of a key. */
	GRAFT_SIGHTING_KEY = 24,
	/** More are not kept; then it is looked again. */
	GRAFT_SIGHTINGS_MAX = 4096,
};

/** What one process showed of one file. */
struct graft_sighting {
	/** What was looked at; all numbers are compared. */
	uint64_t key[GRAFT_SIGHTING_KEY];
	/** What is looked for is there. */
	bool found;
};

/** All sightings, in the order in which they were made. */
struct graft_sightings {
	struct graft_sighting *list;
	size_t count;
	size_t room;
};

/** Free what it holds, and zero it. NULL is a no-op. */
void
graft_sightings_deinit(struct graft_sightings *sightings);

/** Find a sighting, or NULL. @param[in] sightings NULL: nothing was looked at. */
const struct graft_sighting *
graft_sightings_find(const struct graft_sightings *sightings,
		     const uint64_t key[GRAFT_SIGHTING_KEY]);

/**
 * Keep a sighting; what is kept already is left.
 *
 * @param[in,out] sightings NULL is a no-op, and so are too many.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sightings_keep(struct graft_sightings *sightings,
		     const struct graft_sighting *sighting);

#endif /* GRAFT_PLAN_SIGHTINGS_H */
