// SPDX-License-Identifier: Apache-2.0

#include "apply/revert.h"

#include "apply/build.h"
#include "apply/entries.h"
#include "apply/job.h"
#include "apply/recover.h"
#include "base/fault.h"
#include "plan/find.h"
#include "plan/place.h"
#include "proc/maps.h"

#include <stdlib.h>
#include <string.h>

/** What the guardian is told. */
struct job {
	pid_t pid;
	uint64_t start_ticks;
	/** One for each module. */
	const struct graft_change *changes;
	size_t count;
	/** While it is done: `reverting`, or `leaving`. */
	enum graft_header_state meanwhile;
	const struct graft_switch_limits *limits;
};

GRAFT_MUST_CHECK static struct graft_error *
set_states(struct graft_target *target, const struct job *job,
	   enum graft_header_state state)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; i < job->count && !err; i++)
		err = graft_build_set_state(target, job->changes[i].from,
					    state);
	return err;
}

/** Say that it is done. */
GRAFT_MUST_CHECK static struct graft_error *
set_changed(struct graft_target *target, const struct job *job)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; i < job->count && !err; i++)
		err = graft_build_set_changed(target, &job->changes[i], true);
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
switch_out(struct graft_target *target, const struct job *job,
	   struct graft_switch_result *result)
{
	GRAFT_CLEANUP(graft_switch_freep) struct graft_switch *sw = NULL;
	struct graft_error *err = graft_switch_new(job->changes, job->count,
						   GRAFT_SWITCH_OUT, true, &sw);

	return err ? err : graft_switch_run(sw, target, job->limits, result);
}

GRAFT_MUST_CHECK static struct graft_error *
carry_out(const void *ctx, struct graft_switch_result *result)
{
	struct graft_error *err;
	const struct job *job = ctx;

	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	err = graft_target_open(job->pid, &target);
	if (err)
		return err;
	if (graft_target_start_ticks(target) != job->start_ticks)
		return graft_error_new(GRAFT_ERROR_TARGET_GONE,
				       "it exited, and its number is reused");
	err = graft_fault("revert-header");
	if (err)
		return err;
	err = set_states(target, job, job->meanwhile);
	if (err)
		return err;
	err = switch_out(target, job, result);
	// Of a mixture the page must go on to say that it is one.
	if (err && !result->unsettled)
		graft_error_free(set_states(target, job, GRAFT_HEADER_APPLIED));
	if (err)
		return err;
	// The jumps are out: from here on only a kill makes a difference.
	graft_error_free(graft_fault("revert-commit"));
	err = set_changed(target, job);
	result->unsettled = err &&
			    graft_error_code(err) != GRAFT_ERROR_TARGET_GONE;
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

/** Write the intent, let the guardian work, write the outcome. */
GRAFT_MUST_CHECK static struct graft_error *
run(struct job *job, const char *comm, struct graft_ledger *ledger,
    struct graft_switch_result *ret)
{
	bool killed;
	GRAFT_FREE const struct graft_header **headers =
		calloc(job->count + 1, sizeof(*headers));
	if (!headers)
		return graft_error_no_memory();
	for (size_t i = 0; i < job->count; i++)
		headers[i] = job->changes[i].from;
	GRAFT_CLEANUP(graft_entries_deinit)
	struct graft_entries entries = { 0 };
	struct graft_entries_who who = {
		.pid = job->pid,
		.start_ticks = job->start_ticks,
		.comm = comm,
	};
	struct graft_error *err =
		graft_entries_begin(ledger, &who, GRAFT_LEDGER_REVERT, headers,
				    job->count, &entries);
	if (err)
		return err;
	err = graft_job_run(carry_out, job, job->limits->sightings, ret,
			    &killed);
	if (killed || ret->unsettled)
		return graft_recover_after_kill(ledger, job->pid, err);
	return graft_entries_conclude(ledger, &entries, ret->pause_us, err);
}

struct graft_error *
graft_revert_run(pid_t pid, const char *id, bool completely,
		 struct graft_ledger *ledger,
		 const struct graft_switch_limits *limits,
		 struct graft_switch_result *ret)
{
	struct graft_error *err;
	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	GRAFT_CLEANUP(graft_headers_freep) struct graft_headers *all = NULL;
	size_t count;

	*ret = (struct graft_switch_result){ 0 };
	err = graft_target_open(pid, &target);
	if (err)
		return err;
	err = graft_maps_read(pid, &maps);
	if (err)
		return err;
	err = graft_headers_find(target, maps, &all);
	if (err)
		return err;
	GRAFT_FREE struct graft_change *changes = calloc(all->count + 1,
							 sizeof(*changes));
	if (!changes)
		return graft_error_no_memory();
	struct wish wish = { .target = target,
			     .maps = maps,
			     .all = all,
			     .id = id,
			     .completely = completely };
	err = choose(&wish, changes, &count);
	if (err)
		return err;
	struct job job = {
		.pid = pid,
		.start_ticks = graft_target_start_ticks(target),
		.changes = changes,
		.count = count,
		.meanwhile = completely ? GRAFT_HEADER_LEAVING
					: GRAFT_HEADER_REVERTING,
		.limits = limits,
	};
	return run(&job, graft_target_comm(target), ledger, ret);
}
