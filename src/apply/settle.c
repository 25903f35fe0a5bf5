// SPDX-License-Identifier: Apache-2.0

#include "apply/settle.h"

#include "apply/build.h"
#include "apply/scene.h"
#include "base/fault.h"
#include "plan/find.h"
#include "proc/guardian.h"

#include <assert.h>
#include <string.h>

/** What was, or would have been, in before a header, by what its page says. */
static const struct graft_header *
before_of(const struct graft_scene *scene, const struct graft_header *header)
{
	// Who reverts completely leaves for OLD.
	if (header->state == GRAFT_HEADER_LEAVING)
		return NULL;
	return graft_headers_before(scene->headers, header);
}

/** What is to be done to the module of a header. */
static struct graft_change
change_of(const struct graft_scene *scene, const struct graft_header *header,
	  enum graft_switch_way way)
{
	const struct graft_header *before = before_of(scene, header);
	bool in = way == GRAFT_SWITCH_IN;

	return (struct graft_change){
		.from = in ? before : header,
		.to = in ? header : before,
	};
}

GRAFT_MUST_CHECK static struct graft_error *
live_of(const struct graft_scene *scene, const struct graft_header *header,
	enum graft_live *ret)
{
	return graft_headers_live(scene->target, scene->headers, header, ret);
}

/** Switch one module, from whatever mixture, and write the states. */
GRAFT_MUST_CHECK static struct graft_error *
switch_one(const struct graft_scene *scene, const struct graft_header *header,
	   enum graft_live live, enum graft_switch_way way)
{
	struct graft_switch_result result;
	struct graft_change change = change_of(scene, header, way);
	GRAFT_CLEANUP(graft_switch_freep) struct graft_switch *sw = NULL;

	change.ruined = live == GRAFT_LIVE_RUINED;
	struct graft_error *err = graft_switch_new(&change, 1, way, true, &sw);

	if (!err)
		err = graft_switch_run(sw, scene->target, scene->limits,
				       &result);
	if (err)
		return err;
	return graft_build_set_changed(scene->target, &change,
				       way == GRAFT_SWITCH_OUT);
}

/** What becomes of all entries of one work. */
struct decision {
	/** Some jumps of some module are in. */
	bool some_in;
	/** All jumps of all modules are in. */
	bool all_in;
	/** A shadow is not whole: it was being made, or given back. */
	bool building;
};

GRAFT_MUST_CHECK static struct graft_error *
look(const struct graft_scene *scene, const struct graft_ledger_list *list,
     const struct graft_ledger_entry *of, struct decision *ret)
{
	*ret = (struct decision){ .all_in = true };
	for (size_t i = 0; i < list->count; i++) {
		const struct graft_ledger_entry *entry = &list->entries[i];
		enum graft_live live;
		if (!graft_scene_same_work(entry, of))
			continue;
		const struct graft_header *header = graft_scene_header(scene,
								       entry);
		if (!header) {
			ret->all_in = false;
			continue;
		}
		ret->building |= header->state == GRAFT_HEADER_BUILDING;
		struct graft_error *err = live_of(scene, header, &live);
		if (err)
			return err;
		ret->some_in |= live == GRAFT_LIVE_NEW ||
				live == GRAFT_LIVE_MIXED ||
				live == GRAFT_LIVE_RUINED;
		ret->all_in &= live == GRAFT_LIVE_NEW;
	}
	return NULL;
}

/**
 * Break the circle that a shadow leaves which was to be used again: it names what
 * was in as the one before, which names it. What was below it is forgotten.
 */
GRAFT_MUST_CHECK static struct graft_error *
break_circle(const struct graft_scene *scene, const struct graft_header *header,
	     enum graft_switch_way way)
{
	const struct graft_headers *headers = scene->headers;
	const struct graft_header *above = header;
	static const struct graft_header_before none;

	if (!graft_headers_in_chain(headers, header, header))
		return NULL;
	while (way == GRAFT_SWITCH_IN &&
	       graft_headers_before(headers, above) != header)
		above = graft_headers_before(headers, above);
	return graft_build_set_before(scene->target, above, &none);
}

/** Write the states of a change that is made already. */
GRAFT_MUST_CHECK static struct graft_error *
tell(const struct graft_scene *scene, struct graft_change change,
     enum graft_switch_way way)
{
	bool out = way == GRAFT_SWITCH_OUT;

	// A page that was to be used again may name one that was before it at
	// an earlier time.
	if (out && change.to) {
		enum graft_live live;
		struct graft_error *err = live_of(scene, change.to, &live);
		if (err)
			return err;
		if (live != GRAFT_LIVE_NEW)
			change.to = NULL;
	}
	return graft_build_set_changed(scene->target, &change, out);
}

/** Make one module's state that of the decision. */
GRAFT_MUST_CHECK static struct graft_error *
settle(const struct graft_scene *scene, const struct graft_ledger_entry *entry,
       enum graft_switch_way way)
{
	enum graft_live live;
	const struct graft_header *header = graft_scene_header(scene, entry);

	// Who reverts gives a page back last, and never leaves one blank.
	if (!header)
		return entry->verb == GRAFT_LEDGER_APPLY
			       ? graft_scene_unmap_unfinished(scene, entry)
			       : NULL;
	struct graft_error *err = live_of(scene, header, &live);
	if (err)
		return err;
	// A module that was unloaded meanwhile has no entries to put right.
	if (live == GRAFT_LIVE_OTHER)
		return NULL;
	struct graft_change change = change_of(scene, header, way);
	bool fresh = header->state == GRAFT_HEADER_BUILDING ||
		     header->state == GRAFT_HEADER_READY;
	// In a revert, one that is not whole was being given back.
	if (live == GRAFT_LIVE_OLD && way == GRAFT_SWITCH_OUT && fresh &&
	    (entry->verb == GRAFT_LEDGER_APPLY ||
	     header->state == GRAFT_HEADER_BUILDING))
		return graft_scene_unmap(scene, header);
	if (live == (way == GRAFT_SWITCH_IN ? GRAFT_LIVE_NEW : GRAFT_LIVE_OLD))
		return tell(scene, change, way);
	if (way == GRAFT_SWITCH_IN && header->state == GRAFT_HEADER_BUILDING)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s: its shadow is not whole",
				       header->module);
	return switch_one(scene, header, live, way);
}

/**
 * Make all modules of one work go one way.
 *
 * @return NULL, or the first error.
 */
GRAFT_MUST_CHECK static struct graft_error *
settle_all(const struct graft_scene *scene,
	   const struct graft_ledger_list *list,
	   const struct graft_ledger_entry *of, enum graft_switch_way way)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct graft_ledger_entry *entry = &list->entries[i];
		if (!graft_scene_same_work(entry, of))
			continue;
		const struct graft_header *header = graft_scene_header(scene,
								       entry);
		struct graft_error *err = settle(scene, entry, way);
		if (!err && header)
			err = break_circle(scene, header, way);
		if (err)
			return err;
	}
	return NULL;
}

/** Complete what has begun to take effect, undo what has not. */
GRAFT_MUST_CHECK static struct graft_error *
work_off(struct graft_scene *scene, const struct graft_ledger_list *list,
	 const struct graft_ledger_entry *entry, enum graft_ledger_outcome *ret)
{
	struct decision decision;
	bool apply = entry->verb == GRAFT_LEDGER_APPLY;
	struct graft_error *err = look(scene, list, entry, &decision);
	if (err)
		return err;
	if (!decision.some_in && (apply || decision.building)) {
		err = graft_scene_wait_for_calls(scene, list, entry);
		if (err)
			return err;
	}

	enum graft_switch_way way = GRAFT_SWITCH_OUT;
	if (apply ? decision.some_in : decision.all_in)
		way = GRAFT_SWITCH_IN;
	err = settle_all(scene, list, entry, way);
	// A thread that keeps one way closed may leave the other open.
	if (err && graft_error_code(err) == GRAFT_ERROR_FUNCTION_ACTIVE) {
		graft_error_free(err);
		way = way == GRAFT_SWITCH_IN ? GRAFT_SWITCH_OUT
					     : GRAFT_SWITCH_IN;
		err = settle_all(scene, list, entry, way);
	}
	if (err)
		return err;
	*ret = (way == GRAFT_SWITCH_IN) == apply ? GRAFT_LEDGER_DONE
						 : GRAFT_LEDGER_UNDONE;
	return NULL;
}

/** What the guardian is told. */
struct job {
	const struct graft_ledger_list *list;
	const struct graft_ledger_entry *of;
	const struct graft_switch_limits *limits;
};

/** Complete or undo a work, as graft_settle_guarded() does. */
GRAFT_MUST_CHECK static struct graft_error *
run(const struct job *job, enum graft_ledger_outcome *ret)
{
	GRAFT_CLEANUP(graft_scene_deinit)
	struct graft_scene scene = { .limits = job->limits };
	struct graft_error *err = graft_target_open(job->of->pid,
						    &scene.target);

	if (!err &&
	    graft_target_start_ticks(scene.target) != job->of->start_ticks)
		err = graft_error_new(GRAFT_ERROR_TARGET_GONE,
				      "it exited, and its number is reused");
	if (!err)
		err = graft_scene_read(&scene);
	if (!err)
		err = work_off(&scene, job->list, job->of, ret);
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
guarded(void *ctx, void *message, size_t size, size_t *len_ret)
{
	const struct job *job = ctx;
	enum graft_ledger_outcome outcome = GRAFT_LEDGER_OPEN;
	struct graft_error *err = graft_fault("recover-begin");

	assert(size == sizeof(outcome));
	if (!err)
		err = run(job, &outcome);
	if (err)
		return err;
	memcpy(message, &outcome, sizeof(outcome));
	*len_ret = sizeof(outcome);
	return NULL;
}

struct graft_error *
graft_settle_guarded(const struct graft_ledger_list *list,
		     const struct graft_ledger_entry *of,
		     const struct graft_switch_limits *limits,
		     enum graft_ledger_outcome *ret)
{
	struct job job = { .list = list, .of = of, .limits = limits };
	enum graft_ledger_outcome outcome = GRAFT_LEDGER_OPEN;
	size_t len = 0;
	struct graft_error *err = graft_guardian_run(guarded, &job, &outcome,
						     sizeof(outcome), &len);

	if (!err)
		*ret = outcome;
	return err;
}
