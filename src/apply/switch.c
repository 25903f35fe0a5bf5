// SPDX-License-Identifier: Apache-2.0

#include "apply/switch.h"

#include "apply/active.h"
#include "apply/link.h"
#include "apply/patience.h"
#include "apply/points.h"
#include "apply/recheck.h"
#include "apply/zones.h"
#include "base/clock.h"
#include "base/fault.h"
#include "plan/contexts.h"
#include "plan/find.h"
#include "plan/module.h"
#include "proc/maps.h"
#include "proc/partway.h"
#include "proc/sharer.h"
#include "proc/stack.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	/** How long to wait for another tracer, and between two looks. */
	TRACED_US = 300 * 1000,
	TRACED_STEP_US = 1000,
	/** With no more threads a second stop is cheaper than what it may save. */
	FEW_THREADS = 8,
};

struct graft_switch {
	/** All headers of the changes; those that come are the first. */
	const struct graft_header **headers;
	size_t header_count;
	size_t to_count;
	enum graft_switch_way way;
	enum graft_switch_immediate immediate;
	struct graft_points points;
	/** Where nobody may be. */
	struct graft_zones zones;
	/** What the process had before. Borrowed; NULL: not known. */
	const struct graft_modules *modules;
	/** Of the current try. */
	struct graft_link *link;
	/** A try without unwind tables, and that trusts the first thread to live on, did
	 * not do: the next ones look at everything beforehand. */
	bool thorough;
	/** The current try is such a one. */
	bool sparing;
	/** What was in its way. */
	struct graft_obstacle obstacle;
};

void
graft_switch_free(struct graft_switch *sw)
{
	if (!sw)
		return;
	graft_points_deinit(&sw->points);
	free(sw->headers);
	graft_zones_deinit(&sw->zones);
	graft_link_free(sw->link);
	free(sw);
}

/** Make room for what the changes need. */
GRAFT_MUST_CHECK static struct graft_error *
make_room(struct graft_switch *sw, const struct graft_change *changes,
	  size_t count, bool partly)
{
	size_t points = 0;
	// And where the unwinder is told: see find_hooks().
	size_t ranges = GRAFT_HOOK_CALLERS_MAX;

	for (size_t i = 0; i < count; i++) {
		const struct graft_header *from = changes[i].from;
		const struct graft_header *to = changes[i].to;
		points += (from ? from->redirect_count : 0) +
			  (to ? to->redirect_count : 0);
		// A fragment is cut in two by the end of a jump.
		ranges += (from ? from->region_count + 2 * from->fragment_count
				: 0) +
			  (to ? 2 * to->fragment_count : 0);
	}
	sw->headers = calloc(2 * count + 1, sizeof(*sw->headers));
	if (!sw->headers)
		return graft_error_no_memory();
	struct graft_error *err = graft_zones_init(&sw->zones, ranges);
	return err ? err
		   : graft_points_init(&sw->points, points, sw->way, partly);
}

struct graft_error *
graft_switch_new(const struct graft_change *changes, size_t count,
		 enum graft_switch_way way, bool partly,
		 struct graft_switch **ret)
{
	GRAFT_CLEANUP(graft_switch_freep)
	struct graft_switch *sw = calloc(1, sizeof(*sw));
	if (!sw)
		return graft_error_no_memory();
	sw->way = way;
	struct graft_error *err = make_room(sw, changes, count, partly);
	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		graft_points_add(&sw->points, &changes[i]);
		if (!changes[i].to)
			continue;
		graft_zones_add_fragments(&sw->zones, changes[i].to, true);
		sw->headers[sw->header_count++] = changes[i].to;
	}
	sw->to_count = sw->header_count;
	for (size_t i = 0; i < count; i++) {
		if (!changes[i].from)
			continue;
		graft_zones_add_regions(&sw->zones, changes[i].from);
		if (changes[i].ruined)
			graft_zones_add_fragments(&sw->zones, changes[i].from,
						  false);
		sw->headers[sw->header_count++] = changes[i].from;
	}
	*ret = GRAFT_TAKE(sw);
	return NULL;
}

void
graft_switch_set_immediate(struct graft_switch *sw,
			   enum graft_switch_immediate immediate)
{
	bool one = sw->to_count == 1 && sw->headers[0]->redirect_count == 1;

	assert(sw->way == GRAFT_SWITCH_IN);
	sw->immediate = one ? immediate : GRAFT_SWITCH_WAIT;
}

void
graft_switch_set_modules(struct graft_switch *sw,
			 const struct graft_modules *modules)
{
	sw->modules = modules;
}

/** Tell the unwinder, then write the jumps; or neither. */
GRAFT_MUST_CHECK static struct graft_error *
write_all(struct graft_switch *sw, struct graft_target *target)
{
	struct graft_error *err = NULL;

	if (sw->link)
		err = graft_link_do(sw->link, target);
	if (!err)
		err = graft_points_write(&sw->points, target);
	// Jumps that are still in need their hooks.
	if (!err || !sw->link || sw->points.torn)
		return err;
	struct graft_error *more = graft_link_undo(sw->link, target);
	if (more) {
		sw->points.torn = graft_error_code(more) !=
				  GRAFT_ERROR_TARGET_GONE;
		err = graft_error_prefix(err, "its unwinder: %s",
					 graft_error_message(more));
		graft_error_free(more);
	}
	return err;
}

/** Say whether the first thread of a stopped process is among those that stand: one
 * that ended is not. */
static bool
leader_stands(struct graft_target *target)
{
	size_t count;
	const struct graft_thread *threads = graft_target_threads(target,
								  &count);

	for (size_t i = 0; i < count; i++) {
		if (threads[i].tid == graft_target_pid(target))
			return true;
	}
	return false;
}

/**
 * Do what is done while the threads stand still. If nothing failed and the obstacle is
 * known, somebody is in the way.
 *
 * @param[out] again_ret Nothing was done: what a sparing try left out is needed.
 * @param[out] stayed_ret How many threads are in what is replaced, and may stay.
 */
GRAFT_MUST_CHECK static struct graft_error *
stopped(struct graft_switch *sw, struct graft_target *target,
	struct graft_stack_check *check, uint32_t *stayed_ret, bool *again_ret)
{
	const struct graft_stack_hit *hits;
	size_t count;

	struct graft_error *err = graft_stack_check_run(check, &hits, &count);
	if (err)
		return err;
	*again_ret = sw->sparing && (graft_stack_check_is_unsure(check) ||
				     !leader_stands(target));
	if (*again_ret)
		return NULL;
	const struct graft_stack_hit *hit = graft_active_choose(
		hits, count, sw->zones.places, sw->zones.count,
		sw->immediate == GRAFT_SWITCH_STAY);
	if (hit) {
		graft_active_note(target, hit, &sw->obstacle.hit);
		graft_timeouts_read(target, &sw->obstacle.timeouts);
		sw->obstacle.known = true;
		return NULL;
	}
	*stayed_ret = graft_active_count(hits, count, sw->zones.places,
					 sw->zones.count);
	err = graft_recheck_modules(target, sw->headers, sw->header_count);
	if (!err)
		err = graft_recheck_shadows(target, sw->headers, sw->to_count);
	if (err)
		return err;
	err = graft_points_check(&sw->points, target);
	if (err)
		return err;
	return write_all(sw, target);
}

/** Say whether there may be suspended contexts. @param[in] known Its modules, or NULL. */
GRAFT_MUST_CHECK static struct graft_error *
find_contexts(struct graft_target *target, const struct graft_maps *maps,
	      const struct graft_modules *known,
	      struct graft_sightings *sightings, bool *ret)
{
	GRAFT_CLEANUP(graft_modules_freep) struct graft_modules *modules = NULL;
	struct graft_error *err =
		known ? NULL : graft_modules_read(target, maps, &modules);

	return err ? err
		   : graft_contexts_possible(target, maps,
					     known ? known : modules, sightings,
					     ret);
}

/** Refuse who shares all memory with one that we do not stop. */
GRAFT_MUST_CHECK static struct graft_error *
refuse_sharer(const struct graft_switch *sw, const struct graft_target *target,
	      struct graft_sharers *known)
{
	pid_t other;
	pid_t pid = graft_target_pid(target);
	// Whether it lived on is seen in the stop: stopped().
	pid_t live = sw->sparing ? pid : 0;
	struct graft_error *err = graft_sharer_find(pid, live, known, &other);

	return err || !other ? err : graft_sharer_refuse(other);
}

/**
 * Find the hooks of the unwinder, and where no thread may be meanwhile.
 *
 * @param[out] count_ret How many ranges there are with that.
 */
GRAFT_MUST_CHECK static struct graft_error *
find_hooks(struct graft_switch *sw, struct graft_target *target,
	   size_t *count_ret)
{
	*count_ret = sw->zones.count;
	struct graft_error *err =
		graft_link_leave_out(target, sw->headers + sw->to_count,
				     sw->header_count - sw->to_count,
				     sw->zones.ranges, sw->zones.count);
	if (err || !sw->to_count)
		return err;
	graft_link_free(sw->link);
	sw->link = NULL;
	err = graft_link_new(target, sw->headers, sw->to_count, &sw->link);
	if (err)
		return err;
	// There is room for that many more.
	struct graft_range *range = &sw->zones.ranges[sw->zones.count];
	size_t more = graft_link_forbidden(sw->link, range);
	for (size_t k = 0; k < more; k++)
		sw->zones.places[sw->zones.count + k] =
			(struct graft_active_place){
				.start = range[k].end,
				.name = "the unwinder, which binds "
					"its first call"
			};
	*count_ret = sw->zones.count + more;
	return NULL;
}

/**
 * Try once, from attaching to letting go.
 *
 * @param[out] again_ret Nothing was done, and a thorough try may do it.
 */
GRAFT_MUST_CHECK static struct graft_error *
try_once(struct graft_switch *sw, struct graft_target *target,
	 const struct graft_switch_limits *limits,
	 struct graft_switch_result *ret, bool *again_ret)
{
	struct graft_error *err;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	GRAFT_CLEANUP(graft_stack_check_freep)
	struct graft_stack_check *check = NULL;
	bool contexts;
	bool same;
	size_t range_count;

	*again_ret = false;
	sw->obstacle = (struct graft_obstacle){ 0 };
	sw->sparing = !sw->thorough &&
		      graft_target_tid(target) == graft_target_pid(target) &&
		      graft_target_thread_count(target) <= FEW_THREADS;
	err = graft_target_code_maps(target, &maps, &same);
	if (err)
		return err;
	err = find_hooks(sw, target, &range_count);
	if (err)
		return err;
	err = graft_stack_check_new(target, maps, sw->zones.ranges, range_count,
				    &check);
	if (!err && !sw->sparing)
		err = graft_stack_check_open_tables(check);
	if (err)
		return err;
	err = find_contexts(target, maps, same ? sw->modules : NULL,
			    limits->sightings, &contexts);
	if (err)
		return err;
	err = refuse_sharer(sw, target, limits->sharers);
	if (err)
		return err;
	// First: what else lies at these addresses must not be written to. Not before
	// the code was looked at: pages that are its own must be read.
	err = graft_recheck_modules(target, sw->headers, sw->header_count);
	if (err)
		return err;
	err = graft_points_touch(&sw->points, target);
	if (err)
		return err;
	ret->contexts = contexts;
	ret->immediate = sw->immediate == GRAFT_SWITCH_STAY;
	ret->stayed = 0;
	graft_stack_check_set_contexts(check, contexts);
	err = sw->way == GRAFT_SWITCH_IN ? graft_fault("apply-stop")
					 : graft_fault("revert-stop");
	if (err)
		return err;
	graft_partway_wait(target, true);
	err = graft_target_stop(target, limits->stop_us);
	if (err)
		return err;
	err = stopped(sw, target, check, &ret->stayed, again_ret);
	graft_target_release(target);
	ret->pause_us = graft_target_pause_us(target);
	ret->unsettled = sw->points.torn;
	if (!err && sw->obstacle.known)
		err = graft_active_say(
			sw->headers, sw->header_count,
			&sw->zones.places[sw->obstacle.hit.hit.range],
			&sw->obstacle.hit,
			sw->immediate == GRAFT_SWITCH_COULD_STAY);
	return err;
}

/** Make a refusal of a thread that did not stop: it is no fault of a file. */
GRAFT_MUST_CHECK static struct graft_error *
end_waiting(struct graft_error *err)
{
	if (!err || graft_error_code(err) != GRAFT_ERROR_LIMIT)
		return err;
	struct graft_error *ours = graft_error_new(
		GRAFT_ERROR_REFUSED, "R-13: %s", graft_error_message(err));
	graft_error_free(err);
	return ours;
}

/**
 * End with what the last try said, or with the function in which an earlier one found a
 * thread: that says more than that one did not stop in time.
 *
 * @param[in] err Of the last try.
 * @param[in] active Of an earlier one, or NULL. Both are taken.
 */
GRAFT_MUST_CHECK static struct graft_error *
end_trying(struct graft_error *err, struct graft_error *active)
{
	if (!err || !active || graft_error_code(err) != GRAFT_ERROR_LIMIT) {
		graft_error_free(active);
		return end_waiting(err);
	}
	graft_error_free(err);
	return active;
}

/** Say whether waiting may help. */
static bool
may_pass(const struct graft_error *err)
{
	return graft_error_code(err) == GRAFT_ERROR_FUNCTION_ACTIVE ||
	       graft_error_code(err) == GRAFT_ERROR_LIMIT;
}

struct graft_error *
graft_switch_attach(struct graft_target *target)
{
	uint64_t deadline = graft_clock_monotonic_us() + TRACED_US;

	for (;;) {
		struct graft_error *err = graft_target_attach(target);
		if (!err || graft_error_code(err) != GRAFT_ERROR_TRACED ||
		    graft_clock_monotonic_us() >= deadline)
			return err;
		graft_error_free(err);
		graft_clock_sleep_us(TRACED_STEP_US);
	}
}

struct graft_error *
graft_switch_run(struct graft_switch *sw, struct graft_target *target,
		 const struct graft_switch_limits *limits,
		 struct graft_switch_result *ret)
{
	struct graft_error *err = NULL;
	struct graft_error *active = NULL;
	struct graft_patience patience;

	graft_patience_begin(&patience, graft_target_pid(target), limits->owner,
			     limits->wait_us);
	*ret = (struct graft_switch_result){ 0 };
	for (;;) {
		bool again;
		ret->passing = false;
		if (!graft_target_is_attached(target))
			err = graft_switch_attach(target);
		if (err)
			return end_trying(err, active);
		// Only once attached, nobody else of our kind is at work here.
		ret->tries++;
		err = try_once(sw, target, limits, ret, &again);
		graft_target_detach(target);
		sw->thorough |= again;
		if (again && !err) {
			ret->tries--;
			continue;
		}
		ret->passing = err && may_pass(err);
		if (!ret->passing ||
		    !graft_patience_wait(&patience, &sw->obstacle))
			return end_trying(err, active);
		if (graft_error_code(err) == GRAFT_ERROR_FUNCTION_ACTIVE) {
			graft_error_free(active);
			active = GRAFT_TAKE(err);
		}
		graft_error_free(err);
		err = NULL;
	}
}
