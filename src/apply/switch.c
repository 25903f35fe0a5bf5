// SPDX-License-Identifier: Apache-2.0

#include "apply/switch.h"

#include "apply/link.h"
#include "base/clock.h"
#include "base/fault.h"
#include "plan/contexts.h"
#include "plan/find.h"
#include "plan/module.h"
#include "proc/maps.h"
#include "proc/sharer.h"
#include "proc/stack.h"
#include "proc/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	/** First and longest wait between two tries. */
	WAIT_FIRST_US = 1000,
	WAIT_MOST_US = 50 * 1000,
	/** How long to wait for another tracer. */
	TRACED_US = 300 * 1000,
};

/** Bytes that are exchanged. */
struct point {
	uint64_t addr;
	const uint8_t *from;
	const uint8_t *to;
	const char *name;
	/** It was written in this stop. */
	bool written;
};

/** A range that must be empty of threads, and what it is called. */
struct place {
	uint64_t start;
	const char *name;
};

struct graft_switch {
	const struct graft_header *const *headers;
	size_t header_count;
	enum graft_switch_way way;
	bool partly;
	/** A write could not be put back. */
	bool torn;
	struct point *points;
	size_t point_count;
	struct graft_range *ranges;
	struct place *places;
	size_t range_count;
	/** Of the current try. */
	struct graft_link *link;
};

void
graft_switch_free(struct graft_switch *sw)
{
	if (!sw)
		return;
	free(sw->points);
	free(sw->ranges);
	free(sw->places);
	graft_link_free(sw->link);
	free(sw);
}

static void
add_range(struct graft_switch *sw, uint64_t start, uint64_t len,
	  uint64_t named_from, const char *name)
{
	sw->ranges[sw->range_count] =
		(struct graft_range){ .start = start, .end = start + len };
	sw->places[sw->range_count] = (struct place){ .start = named_from,
						      .name = name };
	sw->range_count++;
}

static void
add_header(struct graft_switch *sw, const struct graft_header *header)
{
	bool in = sw->way == GRAFT_SWITCH_IN;

	for (uint32_t i = 0; i < header->redirect_count; i++) {
		const struct graft_header_redirect *r = &header->redirects[i];
		sw->points[sw->point_count++] = (struct point){
			.addr = r->entry + r->skip,
			.from = in ? r->original : r->jump,
			.to = in ? r->jump : r->original,
			.name = r->name,
		};
	}
	for (uint32_t i = 0; in && i < header->fragment_count; i++) {
		const struct graft_header_fragment *f = &header->fragments[i];
		const struct graft_header_redirect *r =
			&header->redirects[f->redirect];
		add_range(sw, f->addr, f->size,
			  r->entry <= f->addr ? r->entry : f->addr, r->name);
	}
	for (uint32_t i = 0; !in && i < header->region_count; i++) {
		const struct graft_header_region *region = &header->regions[i];
		if (region->prot & PROT_EXEC)
			add_range(sw, region->addr, region->len, region->addr,
				  NULL);
	}
}

struct graft_error *
graft_switch_new(const struct graft_header *const *headers, size_t count,
		 enum graft_switch_way way, bool partly,
		 struct graft_switch **ret)
{
	size_t points = 0;
	size_t ranges = 0;

	GRAFT_CLEANUP(graft_switch_freep)
	struct graft_switch *sw = calloc(1, sizeof(*sw));
	if (!sw)
		return graft_error_no_memory();
	sw->headers = headers;
	sw->header_count = count;
	sw->way = way;
	sw->partly = partly;
	for (size_t i = 0; i < count; i++) {
		points += headers[i]->redirect_count;
		ranges += headers[i]->fragment_count + headers[i]->region_count;
	}
	sw->points = calloc(points + 1, sizeof(*sw->points));
	// And where the unwinder is told: see find_hooks().
	ranges += GRAFT_HOOK_CALLERS_MAX;
	sw->ranges = calloc(ranges + 1, sizeof(*sw->ranges));
	sw->places = calloc(ranges + 1, sizeof(*sw->places));
	if (!sw->points || !sw->ranges || !sw->places)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++)
		add_header(sw, headers[i]);
	*ret = GRAFT_TAKE(sw);
	return NULL;
}

/** See that each module is still the one that was planned for. */
GRAFT_MUST_CHECK static struct graft_error *
check_modules(const struct graft_switch *sw, struct graft_target *target)
{
	for (size_t i = 0; i < sw->header_count; i++) {
		const struct graft_header *header = sw->headers[i];
		uint8_t id[GRAFT_PATCH_BUILD_ID_MAX];
		if (!header->build_id_addr)
			continue;
		struct graft_error *err =
			graft_target_read(target, header->build_id_addr, id,
					  header->old_build_id_len);
		bool unmapped = err && graft_error_errno(err) == EFAULT;
		if (err && !unmapped)
			return err;
		graft_error_free(err);
		if (unmapped || memcmp(id, header->old_build_id,
				       header->old_build_id_len) != 0)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"R-12: %s: the process unloaded it meanwhile",
				header->module);
	}
	return NULL;
}

/**
 * See that each shadow is still there: somebody who keeps another ledger may
 * have taken it for one that was left, while we waited for a thread.
 */
GRAFT_MUST_CHECK static struct graft_error *
check_shadows(const struct graft_switch *sw, struct graft_target *target)
{
	for (size_t i = 0; i < sw->header_count; i++) {
		const struct graft_header *header = sw->headers[i];
		bool whole = false;
		struct graft_error *err = graft_header_is_whole(target, header,
								&whole);
		if (err)
			return err;
		if (!whole)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"R-12: %s: somebody took its shadow away meanwhile",
				header->module);
	}
	return NULL;
}

/** See that each entry holds what it should before the switch. */
GRAFT_MUST_CHECK static struct graft_error *
check_points(const struct graft_switch *sw, struct graft_target *target)
{
	for (size_t i = 0; i < sw->point_count; i++) {
		const struct point *point = &sw->points[i];
		uint8_t live[GRAFT_JUMP_SIZE];
		struct graft_error *err = graft_target_read(target, point->addr,
							    live, sizeof(live));
		if (err)
			return err;
		if (memcmp(live, point->from, sizeof(live)) == 0 ||
		    (sw->partly && memcmp(live, point->to, sizeof(live)) == 0))
			continue;
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-12: %s: somebody else changed its entry",
			point->name);
	}
	return NULL;
}

/**
 * Give the process its own copy of each page that will be written, by writing
 * the bytes that are there. So the stop is shorter, and a kernel that lets
 * nobody write here (proc_mem.force_override) says so while nothing is changed.
 */
GRAFT_MUST_CHECK static struct graft_error *
touch(const struct graft_switch *sw, struct graft_target *target)
{
	uint64_t page = 0;

	for (size_t i = 0; i < sw->point_count; i++) {
		uint64_t last = sw->points[i].addr + GRAFT_JUMP_SIZE - 1;
		uint8_t live[GRAFT_JUMP_SIZE];
		if (page == last / 4096 && sw->points[i].addr / 4096 == page)
			continue;
		page = last / 4096;
		struct graft_error *err = graft_target_read(
			target, sw->points[i].addr, live, sizeof(live));
		if (err)
			return err;
		err = graft_target_write(target, sw->points[i].addr, live,
					 sizeof(live));
		if (err)
			return graft_error_prefix(err,
						  "its code cannot be written");
	}
	return NULL;
}

/** Put back what was written in this stop, the last first. */
GRAFT_MUST_CHECK static struct graft_error *
put_back(struct graft_switch *sw, struct graft_target *target,
	 struct graft_error *why)
{
	for (size_t i = sw->point_count; i-- > 0;) {
		struct point *point = &sw->points[i];
		if (!point->written)
			continue;
		struct graft_error *err = graft_fault("undo-jump");
		if (!err)
			err = graft_target_write(target, point->addr,
						 point->from, GRAFT_JUMP_SIZE);
		point->written = false;
		if (err) {
			sw->torn = graft_error_code(err) !=
				   GRAFT_ERROR_TARGET_GONE;
			graft_error_free(err);
			why = graft_error_prefix(why,
						 "%s: it could not be put back",
						 point->name);
		}
	}
	return why;
}

/** Write the bytes. The threads are stopped, and none is in the way. */
GRAFT_MUST_CHECK static struct graft_error *
write_points(struct graft_switch *sw, struct graft_target *target)
{
	bool in = sw->way == GRAFT_SWITCH_IN;

	for (size_t i = 0; i < sw->point_count; i++) {
		struct point *point = &sw->points[i];
		struct graft_error *err = in ? graft_fault("apply-jump")
					     : graft_fault("revert-jump");
		if (!err) {
			point->written = true;
			err = graft_target_write(target, point->addr, point->to,
						 GRAFT_JUMP_SIZE);
		}
		if (err)
			return put_back(sw, target, err);
	}
	struct graft_error *err = in ? graft_fault("apply-switched")
				     : graft_fault("revert-switched");
	if (err)
		return put_back(sw, target, err);
	for (size_t i = 0; i < sw->point_count; i++)
		sw->points[i].written = false;
	return NULL;
}

/** Tell the unwinder, then write the jumps; or neither. */
GRAFT_MUST_CHECK static struct graft_error *
write_all(struct graft_switch *sw, struct graft_target *target)
{
	struct graft_error *err = NULL;

	if (sw->link)
		err = graft_link_do(sw->link, target);
	if (!err)
		err = write_points(sw, target);
	// Jumps that are still in need their hooks.
	if (!err || !sw->link || sw->torn)
		return err;
	struct graft_error *more = graft_link_undo(sw->link, target);
	if (more) {
		sw->torn = graft_error_code(more) != GRAFT_ERROR_TARGET_GONE;
		err = graft_error_prefix(err, "its unwinder: %s",
					 graft_error_message(more));
		graft_error_free(more);
	}
	return err;
}

/** Find the name of the carried function that contains @p pc. */
static const char *
carried_name(const struct graft_switch *sw, uint64_t pc, uint64_t *start_ret)
{
	const char *name = "carried code";

	for (size_t i = 0; i < sw->header_count; i++) {
		const struct graft_header *header = sw->headers[i];
		for (uint32_t j = 0; j < header->redirect_count; j++) {
			uint64_t target = header->redirects[j].target;
			if (target > pc || target < *start_ret)
				continue;
			*start_ret = target;
			name = header->redirects[j].name;
		}
	}
	return name;
}

GRAFT_MUST_CHECK static struct graft_error *
say_active(const struct graft_switch *sw, const struct graft_stack_hit *hit)
{
	struct graft_proc_status status = { 0 };
	const struct place *place = &sw->places[hit->range];
	uint64_t start = place->start;
	const char *name = place->name;

	if (!name)
		name = carried_name(sw, hit->pc, &start);
	if (!hit->tid)
		return graft_error_new(
			GRAFT_ERROR_FUNCTION_ACTIVE,
			"R-13: a suspended context, at 0x%llx, may be inside %s+0x%llx",
			(unsigned long long)hit->addr, name,
			(unsigned long long)(hit->pc - start));
	graft_error_free(graft_proc_status_read(hit->tid, &status));
	return graft_error_new(GRAFT_ERROR_FUNCTION_ACTIVE,
			       "R-13: thread %d (%s) %s inside %s+0x%llx",
			       (int)hit->tid, status.comm,
			       hit->certain ? "is" : "may be", name,
			       (unsigned long long)(hit->pc - start));
}

/**
 * Choose the hit that keeps the way closed.
 *
 * Words in memory that point into the dynamic linker, whose range is the last one,
 * are the addresses of its functions, which every process has: only threads count
 * there. A context that is suspended in the middle of a binding had its stack
 * switched away by a signal handler.
 *
 * @return NULL if the way is free.
 */
static const struct graft_stack_hit *
choose_hit(const struct graft_switch *sw, const struct graft_stack_hit *hits,
	   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (hits[i].tid || hits[i].range < sw->range_count)
			return &hits[i];
	}
	return NULL;
}

/**
 * Do what is done while the threads stand still.
 *
 * @param[out] hit_ret The first thread that is in the way, if the result is
 * NULL and @p active_ret is true.
 */
GRAFT_MUST_CHECK static struct graft_error *
stopped(struct graft_switch *sw, struct graft_target *target,
	struct graft_stack_check *check, struct graft_stack_hit *hit_ret,
	bool *active_ret)
{
	const struct graft_stack_hit *hits;
	size_t count;

	struct graft_error *err = graft_stack_check_run(check, &hits, &count);
	if (err)
		return err;
	const struct graft_stack_hit *hit = choose_hit(sw, hits, count);
	if (hit) {
		*hit_ret = *hit;
		*active_ret = true;
		return NULL;
	}
	err = check_modules(sw, target);
	if (!err && sw->way == GRAFT_SWITCH_IN)
		err = check_shadows(sw, target);
	if (err)
		return err;
	err = check_points(sw, target);
	if (err)
		return err;
	return write_all(sw, target);
}

GRAFT_MUST_CHECK static struct graft_error *
find_contexts(struct graft_target *target, const struct graft_maps *maps,
	      bool *ret)
{
	GRAFT_CLEANUP(graft_modules_freep) struct graft_modules *modules = NULL;
	struct graft_error *err = graft_modules_read(target, maps, &modules);

	return err ? err : graft_contexts_possible(target, modules, ret);
}

/** Refuse who shares all memory with one that we do not stop. */
GRAFT_MUST_CHECK static struct graft_error *
refuse_sharer(const struct graft_target *target)
{
	pid_t other;
	struct graft_error *err = graft_sharer_find(graft_target_pid(target),
						    &other);

	if (err || !other)
		return err;
	// Waiting may help: the child of a vfork(2) shares until it executes.
	return graft_error_new(
		GRAFT_ERROR_FUNCTION_ACTIVE,
		"R-23: process %d runs in the same memory, and is no thread of it",
		(int)other);
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
	*count_ret = sw->range_count;
	if (sw->way != GRAFT_SWITCH_IN)
		return NULL;
	graft_link_free(sw->link);
	sw->link = NULL;
	struct graft_error *err = graft_link_new(target, sw->headers,
						 sw->header_count, &sw->link);
	if (err)
		return err;
	// There is room for that many more.
	struct graft_range *range = &sw->ranges[sw->range_count];
	size_t more = graft_link_forbidden(sw->link, range);
	for (size_t k = 0; k < more; k++)
		sw->places[sw->range_count + k] =
			(struct place){ .start = range[k].end,
					.name = "the unwinder, which binds "
						"its first call" };
	*count_ret = sw->range_count + more;
	return NULL;
}

/** Try once, from attaching to letting go. */
GRAFT_MUST_CHECK static struct graft_error *
try_once(struct graft_switch *sw, struct graft_target *target,
	 const struct graft_switch_limits *limits,
	 struct graft_switch_result *ret)
{
	struct graft_error *err;
	struct graft_stack_hit hit;
	bool active = false;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	GRAFT_CLEANUP(graft_stack_check_freep)
	struct graft_stack_check *check = NULL;
	bool contexts;
	size_t range_count;

	// First: what else lies at these addresses must not be written to.
	err = check_modules(sw, target);
	if (err)
		return err;
	err = touch(sw, target);
	if (err)
		return err;
	err = graft_maps_read(graft_target_pid(target), &maps);
	if (err)
		return err;
	err = find_hooks(sw, target, &range_count);
	if (err)
		return err;
	err = graft_stack_check_new(target, maps, sw->ranges, range_count,
				    &check);
	if (err)
		return err;
	err = find_contexts(target, maps, &contexts);
	if (err)
		return err;
	err = refuse_sharer(target);
	if (err)
		return err;
	graft_stack_check_set_contexts(check, contexts);
	err = sw->way == GRAFT_SWITCH_IN ? graft_fault("apply-stop")
					 : graft_fault("revert-stop");
	if (err)
		return err;
	err = graft_target_stop(target, limits->stop_us);
	if (err)
		return err;
	err = stopped(sw, target, check, &hit, &active);
	graft_target_release(target);
	ret->pause_us = graft_target_pause_us(target);
	ret->unsettled = sw->torn;
	if (!err && active)
		err = say_active(sw, &hit);
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
		graft_clock_sleep_us(WAIT_FIRST_US);
	}
}

struct graft_error *
graft_switch_run(struct graft_switch *sw, struct graft_target *target,
		 const struct graft_switch_limits *limits,
		 struct graft_switch_result *ret)
{
	struct graft_error *err = NULL;
	uint64_t deadline = graft_clock_monotonic_us() + limits->wait_us;
	uint64_t delay = WAIT_FIRST_US;

	*ret = (struct graft_switch_result){ 0 };
	for (;;) {
		if (!graft_target_is_attached(target))
			err = graft_switch_attach(target);
		if (err)
			return err;
		// Only once attached, nobody else of our kind is at work here.
		ret->tries++;
		err = try_once(sw, target, limits, ret);
		graft_target_detach(target);
		uint64_t now = graft_clock_monotonic_us();
		if (!err || !may_pass(err) || now >= deadline ||
		    (limits->owner && getppid() != limits->owner))
			return end_waiting(err);
		graft_error_free(err);
		err = NULL;
		graft_clock_sleep_us(delay < deadline - now ? delay
							    : deadline - now);
		delay = delay * 2 < WAIT_MOST_US ? delay * 2 : WAIT_MOST_US;
	}
}
