// SPDX-License-Identifier: Apache-2.0

/** @file Where no thread may be when a switch is made. Inside apply/ only. */

#ifndef GRAFT_APPLY_ZONES_H
#define GRAFT_APPLY_ZONES_H

#include "apply/active.h"
#include "base/error.h"
#include "plan/header.h"
#include "proc/stack.h"

#include <stdbool.h>
#include <stddef.h>

/** Ranges of code and what each is. All zeroes is the empty list. */
struct graft_zones {
	struct graft_range *ranges;
	struct graft_active_place *places;
	size_t count;
};

/** Make room for so many ranges. Free with graft_zones_deinit(). */
GRAFT_MUST_CHECK struct graft_error *
graft_zones_init(struct graft_zones *zones, size_t room);

/** Free what zones own, and zero them. */
void
graft_zones_deinit(struct graft_zones *zones);

/**
 * Nobody may go on in the old code of functions that are replaced now.
 *
 * What a jump takes is a range of its own, so that each fragment needs room for two:
 * whoever may stay may not be there.
 *
 * @param[in] may_stay What is behind the jumps is marked so
 * (graft_active_place::behind_jump).
 */
void
graft_zones_add_fragments(struct graft_zones *zones,
			  const struct graft_header *to, bool may_stay);

/** Nobody may go on in carried code that is left. */
void
graft_zones_add_regions(struct graft_zones *zones,
			const struct graft_header *from);

#endif /* GRAFT_APPLY_ZONES_H */
