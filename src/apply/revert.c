// SPDX-License-Identifier: Apache-2.0

#include "apply/revert.h"

#include "apply/build.h"
#include "apply/release.h"
#include "apply/sweep.h"
#include "base/fault.h"
#include "plan/find.h"
#include "plan/place.h"
#include "proc/maps.h"

#include <stdlib.h>
#include <string.h>

/** What the guardian is told. */
struct work {
	pid_t pid;
	/** Owned. The guardian's is a copy. */
	struct graft_target *target;
	/** All that the process has. Owned. */
	struct graft_headers *all;
	/** What it mapped. Owned. */
	struct graft_maps *maps;
	/** One for each module. Owned. */
	struct graft_change *changes;
	size_t count;
	/** The run of a program that was looked at; see graft_target_run(). */
	uint8_t run[GRAFT_TARGET_RUN_SIZE];
	/** While it is done: `reverting`, or `leaving`. */
	enum graft_header_state meanwhile;
	const struct graft_switch_limits *limits;
};

static void
work_free(void *ctx)
{
	struct work *work = ctx;

	if (!work)
		return;
	graft_target_close(work->target);
	graft_headers_free(work->all);
	graft_maps_free(work->maps);
	free(work->changes);
	free(work);
}

static void
work_freep(struct work **work)
{
	work_free(*work);
}

GRAFT_MUST_CHECK static struct graft_error *
set_states(struct graft_target *target, const struct work *work,
	   enum graft_header_state state)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; i < work->count && !err; i++)
		err = graft_build_set_state(target, work->changes[i].from,
					    state);
	return err;
}

/** Say that it is done. */
GRAFT_MUST_CHECK static struct graft_error *
set_changed(struct graft_target *target, const struct work *work)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; i < work->count && !err; i++)
		err = graft_build_set_changed(target, &work->changes[i], true);
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
switch_out(struct graft_target *target, const struct work *work,
	   struct graft_switch_result *result)
{
	GRAFT_CLEANUP(graft_switch_freep) struct graft_switch *sw = NULL;
	struct graft_error *err = graft_switch_new(work->changes, work->count,
						   GRAFT_SWITCH_OUT, true, &sw);

	return err ? err : graft_switch_run(sw, target, work->limits, result);
}

/**
 * Give back the memory of what was taken out, where nothing leads there. That it stays
 * is no failure; that half of it does is one.
 */
GRAFT_MUST_CHECK static struct graft_error *
release_all(struct graft_target *target, const struct work *work,
	    struct graft_switch_result *result)
{
	for (size_t i = 0; i < work->count; i++) {
		bool left;
		struct graft_error *err = graft_release(target, work->all,
							work->changes[i].from,
							result, &left);
		if (err && left &&
		    graft_error_code(err) != GRAFT_ERROR_TARGET_GONE) {
			result->unsettled = true;
			return graft_error_prefix(
				err, "it is reverted, and its memory could not "
				     "be given back");
		}
		graft_error_free(err);
	}
	return NULL;
}

/**
 * See that the memory that is open is that in which the pages were found: what lies there in
 * that of another program is not ours to write to. Whoever executes one from now on has
 * another memory, which this one's file does not lead to.
 */
GRAFT_MUST_CHECK static struct graft_error *
check_run(struct graft_target *target, const struct work *work)
{
	uint8_t run[GRAFT_TARGET_RUN_SIZE];
	struct graft_error *err = graft_target_run(target, run);

	if (!err && memcmp(run, work->run, sizeof(run)) != 0)
		err = graft_error_new(GRAFT_ERROR_TARGET_GONE,
				      "it executed another program meanwhile");
	return err;
}

/** Do all of it: a #graft_job_fn. */
GRAFT_MUST_CHECK static struct graft_error *
do_all(struct graft_target *target, const void *ctx,
       struct graft_switch_result *result)
{
	const struct work *work = ctx;
	graft_target_set_hints(target, work->limits->hints);
	graft_target_set_maps(target, work->maps);
	struct graft_error *err = graft_fault("revert-header");
	if (!err)
		err = check_run(target, work);
	if (err)
		return err;
	err = set_states(target, work, work->meanwhile);
	if (err)
		return err;
	err = switch_out(target, work, result);
	// Of a mixture the page must go on to say that it is one.
	if (err && !result->unsettled)
		graft_error_free(
			set_states(target, work, GRAFT_HEADER_APPLIED));
	if (err)
		return err;
	// The jumps are out: from here on only a kill makes a difference.
	graft_error_free(graft_fault("revert-commit"));
	err = set_changed(target, work);
	result->unsettled = err &&
			    graft_error_code(err) != GRAFT_ERROR_TARGET_GONE;
	if (!err)
		err = release_all(target, work, result);
	// The others: what --completely leaves behind, and what was kept before.
	if (!err && work->all->count > work->count)
		err = graft_sweep(target, result);
	return err;
}

/** What is in a process, and what is wanted of it. */
struct wish {
	struct graft_target *target;
	const struct graft_maps *maps;
	const struct graft_headers *all;
	const char *id;
	bool completely;
};

/** Say what a header's jumps are exchanged for: those of the one before, if its
 * shadow is there. */
static const struct graft_header *
go_back_to(const struct wish *wish, const struct graft_header *header)
{
	const struct graft_header *before =
		wish->completely ? NULL
				 : graft_headers_before(wish->all, header);

	return before && before->state != GRAFT_HEADER_BUILDING &&
			       graft_place_is_there(wish->maps, before)
		       ? before
		       : NULL;
}

/** Say that it is not in, and which one is in its place. */
GRAFT_MUST_CHECK static struct graft_error *
not_applied(const struct wish *wish)
{
	for (size_t i = 0; i < wish->all->count; i++) {
		const struct graft_header *header = wish->all->headers[i];
		for (size_t k = 0; k < wish->all->count; k++) {
			const struct graft_header *top = wish->all->headers[k];
			if (strcmp(header->id, wish->id) == 0 &&
			    top->state == GRAFT_HEADER_APPLIED &&
			    graft_headers_in_chain(wish->all, top, header))
				return graft_error_new(
					GRAFT_ERROR_NOT_APPLIED,
					"hotpatch %s is not in it: %s took its place",
					wish->id, top->id);
		}
	}
	return graft_error_new(GRAFT_ERROR_NOT_APPLIED,
			       "hotpatch %s is not in it", wish->id);
}

/** Say what stands where our jumps were. */
GRAFT_MUST_CHECK static struct graft_error *
not_ours(const struct wish *wish, const struct graft_header *header)
{
	const struct graft_header_redirect *redirect;
	uint8_t live = 0;
	struct graft_error *err = graft_header_stranger(
		wish->target, header, graft_headers_before(wish->all, header),
		&live, &redirect);

	if (err)
		return err;
	if (!redirect)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "R-12: %s: the process unloaded it",
				       header->module);
	return graft_error_new(
		GRAFT_ERROR_REFUSED,
		"R-12: %s: %s: somebody else changed its entry%s",
		header->module, redirect->name,
		live == 0xcc ? " (a breakpoint or uprobe: remove it first)"
			     : "");
}

/** Choose the headers whose jumps are in, and what they are exchanged for. */
GRAFT_MUST_CHECK static struct graft_error *
choose(const struct wish *wish, struct graft_change *chosen, size_t *count_ret)
{
	size_t count = 0;

	for (size_t i = 0; i < wish->all->count; i++) {
		const struct graft_header *header = wish->all->headers[i];
		enum graft_live live;
		if (strcmp(header->id, wish->id) != 0)
			continue;
		struct graft_error *err = graft_header_live(
			wish->target, header,
			graft_headers_before(wish->all, header), &live);
		if (err)
			return err;
		// A mixture is what somebody left who was killed, or a uprobe.
		if (live != GRAFT_LIVE_OLD && live != GRAFT_LIVE_OTHER)
			chosen[count++] = (struct graft_change){
				.from = header,
				.to = go_back_to(wish, header),
				.ruined = live == GRAFT_LIVE_RUINED,
			};
		// The module of a shadow that is no longer needed may be gone.
		if (live == GRAFT_LIVE_OTHER &&
		    header->state == GRAFT_HEADER_APPLIED)
			return not_ours(wish, header);
	}
	if (!count)
		return not_applied(wish);
	*count_ret = count;
	return NULL;
}

/** Look at the process: which headers it has, and which of them are to go. */
GRAFT_MUST_CHECK static struct graft_error *
look(struct work *work, const char *id, bool completely)
{
	struct graft_error *err = graft_target_open(work->pid, &work->target);
	if (!err)
		err = graft_target_run(work->target, work->run);
	if (!err)
		err = graft_maps_read(work->pid, &work->maps);
	if (!err)
		err = graft_headers_find(work->target, work->maps, &work->all);
	if (err)
		return err;
	work->changes = calloc(work->all->count + 1, sizeof(*work->changes));
	if (!work->changes)
		return graft_error_no_memory();
	struct wish wish = { .target = work->target,
			     .maps = work->maps,
			     .all = work->all,
			     .id = id,
			     .completely = completely };
	err = choose(&wish, work->changes, &work->count);
	graft_target_lay_aside(work->target);
	return err;
}

struct graft_error *
graft_revert_prepare(pid_t pid, const char *id, bool completely,
		     const struct graft_switch_limits *limits,
		     struct graft_job **ret)
{
	GRAFT_CLEANUP(work_freep)
	struct work *work = calloc(1, sizeof(*work));
	GRAFT_CLEANUP(graft_job_freep)
	struct graft_job *job = calloc(1, sizeof(*job));
	if (!work || !job)
		return graft_error_no_memory();

	work->pid = pid;
	work->limits = limits;
	work->meanwhile = completely ? GRAFT_HEADER_LEAVING
				     : GRAFT_HEADER_REVERTING;
	struct graft_error *err = look(work, id, completely);
	if (err)
		return err;
	job->headers = calloc(work->count + 1, sizeof(*job->headers));
	if (!job->headers)
		return graft_error_no_memory();
	for (size_t i = 0; i < work->count; i++)
		job->headers[i] = work->changes[i].from;
	job->header_count = work->count;
	job->who = (struct graft_entries_who){
		.pid = pid,
		.start_ticks = graft_target_start_ticks(work->target),
		.comm = graft_target_comm(work->target),
	};
	job->verb = GRAFT_LEDGER_REVERT;
	job->fn = do_all;
	job->target = work->target;
	job->ctx = GRAFT_TAKE(work);
	job->ctx_free = work_free;
	*ret = GRAFT_TAKE(job);
	return NULL;
}
