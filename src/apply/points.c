// SPDX-License-Identifier: Apache-2.0

#include "apply/points.h"

#include "base/fault.h"
#include "plan/find.h"

#include <stdlib.h>
#include <string.h>

struct graft_error *
graft_points_init(struct graft_points *points, size_t count,
		  enum graft_switch_way way, bool partly)
{
	*points = (struct graft_points){ .way = way, .partly = partly };
	points->points = calloc(count + 1, sizeof(*points->points));
	return points->points ? NULL : graft_error_no_memory();
}

void
graft_points_deinit(struct graft_points *points)
{
	free(points->points);
}

/** Find what a header has at the same place; NULL also if there is no header. */
static const struct graft_header_redirect *
at(const struct graft_header *header, const struct graft_header_redirect *r)
{
	return header ? graft_header_redirect_at(header, r) : NULL;
}

/**
 * Add the entries of one side of a change.
 *
 * @param[in] only Those that the other side does not have.
 */
static void
add_side(struct graft_points *points, const struct graft_header *side,
	 const struct graft_change *change, bool only)
{
	const struct graft_header *other = side == change->from ? change->to
								: change->from;

	for (uint32_t i = 0; side && i < side->redirect_count; i++) {
		const struct graft_header_redirect *r = &side->redirects[i];
		if (only && at(other, r))
			continue;
		const struct graft_header_redirect *from = at(change->from, r);
		const struct graft_header_redirect *to = at(change->to, r);
		points->points[points->count++] = (struct graft_point){
			.addr = r->entry + r->skip,
			.from = from ? from->jump : r->original,
			.to = to ? to->jump : r->original,
			.redirect = r,
		};
	}
}

void
graft_points_add(struct graft_points *points, const struct graft_change *change)
{
	bool in = points->way == GRAFT_SWITCH_IN;

	add_side(points, change->to, change, !in);
	add_side(points, change->from, change, in);
}

struct graft_error *
graft_points_check(const struct graft_points *points,
		   struct graft_target *target)
{
	for (size_t i = 0; i < points->count; i++) {
		const struct graft_point *point = &points->points[i];
		uint8_t live[GRAFT_JUMP_SIZE];
		struct graft_error *err = graft_target_read(target, point->addr,
							    live, sizeof(live));
		if (err)
			return err;
		if (memcmp(live, point->from, sizeof(live)) == 0 ||
		    (points->partly &&
		     (memcmp(live, point->to, sizeof(live)) == 0 ||
		      graft_redirect_is_ruined(point->redirect, live))))
			continue;
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-12: %s: somebody else changed its entry",
			point->redirect->name);
	}
	return NULL;
}

struct graft_error *
graft_points_touch(const struct graft_points *points,
		   struct graft_target *target)
{
	uint64_t page = 0;

	for (size_t i = 0; i < points->count; i++) {
		uint64_t last = points->points[i].addr + GRAFT_JUMP_SIZE - 1;
		uint8_t live[GRAFT_JUMP_SIZE];
		if (page == last / 4096 &&
		    points->points[i].addr / 4096 == page)
			continue;
		page = last / 4096;
		struct graft_error *err = graft_target_read(
			target, points->points[i].addr, live, sizeof(live));
		if (err)
			return err;
		err = graft_target_write(target, points->points[i].addr, live,
					 sizeof(live));
		if (err)
			return graft_error_prefix(err,
						  "its code cannot be written");
	}
	return NULL;
}

/** Put back what was written in this stop, the last first. */
GRAFT_MUST_CHECK static struct graft_error *
put_back(struct graft_points *points, struct graft_target *target,
	 struct graft_error *why)
{
	for (size_t i = points->count; i-- > 0;) {
		struct graft_point *point = &points->points[i];
		if (!point->written)
			continue;
		struct graft_error *err = graft_fault("undo-jump");
		if (!err)
			err = graft_target_write(target, point->addr,
						 point->from, GRAFT_JUMP_SIZE);
		point->written = false;
		if (err) {
			points->torn = graft_error_code(err) !=
				       GRAFT_ERROR_TARGET_GONE;
			graft_error_free(err);
			why = graft_error_prefix(why,
						 "%s: it could not be put back",
						 point->redirect->name);
		}
	}
	return why;
}

struct graft_error *
graft_points_write(struct graft_points *points, struct graft_target *target)
{
	bool in = points->way == GRAFT_SWITCH_IN;

	for (size_t i = 0; i < points->count; i++) {
		struct graft_point *point = &points->points[i];
		struct graft_error *err = in ? graft_fault("apply-jump")
					     : graft_fault("revert-jump");
		if (!err) {
			point->written = true;
			err = graft_target_write(target, point->addr, point->to,
						 GRAFT_JUMP_SIZE);
		}
		if (err)
			return put_back(points, target, err);
	}
	struct graft_error *err = in ? graft_fault("apply-switched")
				     : graft_fault("revert-switched");
	if (err)
		return put_back(points, target, err);
	for (size_t i = 0; i < points->count; i++)
		points->points[i].written = false;
	return NULL;
}
