// SPDX-License-Identifier: Apache-2.0

/** @file The bytes at the entries of functions that a switch exchanges. Inside apply/ only. */

#ifndef GRAFT_APPLY_POINTS_H
#define GRAFT_APPLY_POINTS_H

#include "apply/way.h"
#include "base/error.h"
#include "plan/header.h"
#include "proc/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes that are exchanged. */
struct graft_point {
	uint64_t addr;
	const uint8_t *from;
	const uint8_t *to;
	/** Whose jump is put in or taken out. */
	const struct graft_header_redirect *redirect;
	/** It was written in this stop. */
	bool written;
};

/** All points of a switch. */
struct graft_points {
	struct graft_point *points;
	size_t count;
	enum graft_switch_way way;
	/** Entries that are switched already are accepted, and ruined ones. */
	bool partly;
	/** A write could not be put back. */
	bool torn;
};

/**
 * Make room.
 *
 * @param[out] points Storage of the caller; end it with graft_points_deinit().
 * @param[in] count How many will be added at most.
 * @param[in] way To NEW, or back.
 * @param[in] partly Entries that are switched already are accepted, and ruined ones.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_points_init(struct graft_points *points, size_t count,
		  enum graft_switch_way way, bool partly);

/** Free what points hold. Zeroed ones are a no-op. */
void
graft_points_deinit(struct graft_points *points);

/**
 * Add all entries of a change, whose headers are borrowed.
 *
 * The order is part of what apply/settle.h relies on: of what is put in, the first
 * entry that is written is its own; of what is taken out, the last one. So it
 * has no jump in exactly if nothing of it was begun, or all of it is done.
 */
void
graft_points_add(struct graft_points *points,
		 const struct graft_change *change);

/**
 * See that each entry holds what it should before the switch.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_points_check(const struct graft_points *points,
		   struct graft_target *target);

/**
 * Give the process its own copy of each page that will be written, by writing
 * the bytes that are there. So the stop is shorter, and a kernel that lets
 * nobody write here (proc_mem.force_override) says so while nothing is changed.
 *
 * @return NULL; what graft_target_write() returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_points_touch(const struct graft_points *points,
		   struct graft_target *target);

/**
 * Write the bytes. The threads are stopped, and none is in the way.
 *
 * @return NULL; an error after which what was written is put back, unless the
 * points are torn.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_points_write(struct graft_points *points, struct graft_target *target);

#endif /* GRAFT_APPLY_POINTS_H */
