// SPDX-License-Identifier: Apache-2.0

#include "apply/apply.h"

#include "apply/build.h"
#include "apply/sweep.h"
#include "base/fault.h"
#include "patch/immediate.h"

#include <stdlib.h>
#include <string.h>

/** What the guardian is told. */
struct work {
	/** Owned. */
	struct graft_plan *plan;
	/** Owned. The guardian's is a copy. */
	struct graft_target *target;
	/** One for each module. Owned. */
	struct graft_change *changes;
	const struct graft_switch_limits *limits;
};

static void
work_free(void *ctx)
{
	struct work *work = ctx;

	if (!work)
		return;
	graft_target_close(work->target);
	graft_plan_free(work->plan);
	free(work->changes);
	free(work);
}

static void
work_freep(struct work **work)
{
	work_free(*work);
}

/** Take the new shadows of the first @p count modules away again. */
GRAFT_MUST_CHECK static struct graft_error *
undo(struct graft_target *target, const struct graft_plan *plan, size_t count)
{
	struct graft_error *err = NULL;

	while (count-- > 0 && !err) {
		const struct graft_plan_module *module = &plan->modules[count];
		err = module->reuse
			      ? graft_build_set_before(target, &module->header,
						       &module->below)
			      : graft_build_undo(target, &module->header, NULL);
	}
	return err;
}

/** Say that undoing failed too; the first error stays in front. */
GRAFT_MUST_CHECK static struct graft_error *
join(struct graft_error *err, struct graft_error *more,
     struct graft_switch_result *result)
{
	if (more && graft_error_code(more) != GRAFT_ERROR_TARGET_GONE) {
		err = graft_error_prefix(err, "not undone (%s)",
					 graft_error_message(more));
		result->unsettled = true;
	}
	graft_error_free(more);
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
build_all(struct graft_target *target, const struct graft_plan *plan,
	  struct graft_switch_result *result)
{
	for (size_t i = 0; i < plan->count; i++) {
		bool left = false;
		struct graft_error *err =
			graft_build_make(target, &plan->modules[i], &left);
		if (!err)
			continue;
		result->unsettled |= left;
		return join(err, undo(target, plan, i), result);
	}
	return NULL;
}

/** Tell what becomes of threads that are in what is replaced. */
static enum graft_switch_immediate
immediate_of(const struct graft_plan *plan)
{
	if (plan->count != 1 || graft_patch_not_immediate(plan->patch))
		return GRAFT_SWITCH_WAIT;
	return plan->immediate ? GRAFT_SWITCH_STAY : GRAFT_SWITCH_COULD_STAY;
}

/** Put the jumps in; without them the shadows go. */
GRAFT_MUST_CHECK static struct graft_error *
switch_in(struct graft_target *target, const struct work *work,
	  struct graft_switch_result *result)
{
	struct graft_error *err;
	GRAFT_CLEANUP(graft_switch_freep) struct graft_switch *sw = NULL;

	err = graft_switch_new(work->changes, work->plan->count,
			       GRAFT_SWITCH_IN, false, &sw);
	if (!err)
		graft_switch_set_immediate(sw, immediate_of(work->plan));
	if (!err)
		graft_switch_set_modules(sw, work->plan->mapped);
	if (!err)
		err = graft_switch_run(sw, target, work->limits, result);
	// Jumps that could not be put back still lead to the shadows.
	if (!err || result->unsettled)
		return err;
	struct graft_error *more = graft_switch_attach(target);
	if (!more)
		more = undo(target, work->plan, work->plan->count);
	graft_target_detach(target);
	return join(err, more, result);
}

/** Exchange the jumps back; the shadows stay, as after a revert. */
GRAFT_MUST_CHECK static struct graft_error *
switch_out(struct graft_target *target, const struct work *work)
{
	struct graft_error *err = NULL;
	struct graft_switch_result result;
	size_t count = work->plan->count;
	GRAFT_CLEANUP(graft_switch_freep) struct graft_switch *sw = NULL;
	GRAFT_FREE struct graft_change *back = calloc(count + 1, sizeof(*back));

	if (!back)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++)
		back[i] = (struct graft_change){ .from = work->changes[i].to,
						 .to = work->changes[i].from };
	err = graft_switch_new(back, count, GRAFT_SWITCH_OUT, false, &sw);
	if (err)
		return err;
	err = graft_switch_run(sw, target, work->limits, &result);
	for (size_t i = 0; i < count && !err; i++) {
		const struct graft_plan_module *module =
			&work->plan->modules[i];
		err = graft_build_set_changed(target, &back[i], true);
		if (!err && module->reuse)
			err = graft_build_set_before(target, &module->header,
						     &module->below);
	}
	return err;
}

/** Say whether a process has pages beside what comes and what it goes back to. */
static bool
has_others(const struct graft_plan *plan)
{
	size_t known = 0;

	for (size_t i = 0; i < plan->count; i++)
		known += plan->modules[i].reuse +
			 (plan->modules[i].replaced != NULL);
	return plan->headers->count > known;
}

GRAFT_MUST_CHECK static struct graft_error *
commit(struct graft_target *target, const struct work *work,
       struct graft_switch_result *result)
{
	struct graft_error *err = graft_fault("apply-commit");

	for (size_t i = 0; i < work->plan->count && !err; i++) {
		const struct graft_plan_module *module =
			&work->plan->modules[i];
		struct graft_change change = work->changes[i];
		change.immediate = result->immediate;
		err = graft_build_set_changed(target, &change, false);
		if (!err && module->above)
			err = graft_build_set_before(target, module->above,
						     &module->below);
	}
	if (err)
		return join(err, switch_out(target, work), result);
	return has_others(work->plan) ? graft_sweep(target, result) : NULL;
}

/** Do all of it: a #graft_job_fn. */
GRAFT_MUST_CHECK static struct graft_error *
do_all(struct graft_target *target, const void *ctx,
       struct graft_switch_result *result)
{
	const struct work *work = ctx;
	const struct graft_plan *plan = work->plan;
	struct graft_error *err;

	graft_target_set_hints(target, work->limits->hints);
	err = graft_plan_check_memory(plan, target);
	if (err)
		return err;
	err = graft_switch_attach(target);
	if (err)
		return err;
	uint8_t run[GRAFT_TARGET_RUN_SIZE];
	err = graft_target_run(target, run);
	if (!err && memcmp(run, plan->run, sizeof(run)) != 0)
		err = graft_error_new(GRAFT_ERROR_TARGET_GONE,
				      "it executed another program meanwhile");
	if (err)
		return err;
	graft_target_set_maps(target, plan->maps);
	graft_target_survey(target);
	err = graft_plan_check_space(plan, target);
	if (!err)
		err = graft_target_check_filters(target);
	if (err)
		return err;
	err = build_all(target, plan, result);
	// Letting go means to interrupt each thread, so it is done once only,
	// at the end of the switch.
	if (err) {
		graft_target_detach(target);
		return err;
	}
	err = switch_in(target, work, result);
	if (err)
		return err;
	return commit(target, work, result);
}

/** Say which headers are put in, and what becomes of each module. */
static void
fill(struct work *work, struct graft_job *job)
{
	const struct graft_plan *plan = work->plan;

	for (size_t i = 0; i < plan->count; i++) {
		job->headers[i] = &plan->modules[i].header;
		work->changes[i] = (struct graft_change){
			.from = plan->modules[i].replaced,
			.to = job->headers[i],
		};
	}
	job->header_count = plan->count;
	job->who = (struct graft_entries_who){
		.pid = plan->pid,
		.start_ticks = plan->start_ticks,
		.comm = plan->comm,
	};
}

struct graft_error *
graft_apply_prepare(struct graft_plan *plan, struct graft_target *target,
		    const struct graft_switch_limits *limits,
		    struct graft_job **ret)
{
	GRAFT_CLEANUP(work_freep)
	struct work *work = calloc(1, sizeof(*work));
	GRAFT_CLEANUP(graft_job_freep)
	struct graft_job *job = calloc(1, sizeof(*job));
	if (!work || !job) {
		graft_target_close(target);
		graft_plan_free(plan);
		return graft_error_no_memory();
	}

	work->plan = plan;
	work->target = target;
	graft_target_lay_aside(target);
	work->limits = limits;
	work->changes = calloc(plan->count + 1, sizeof(*work->changes));
	job->headers = calloc(plan->count + 1, sizeof(*job->headers));
	if (!work->changes || !job->headers)
		return graft_error_no_memory();
	fill(work, job);
	job->verb = GRAFT_LEDGER_APPLY;
	job->fn = do_all;
	job->target = work->target;
	job->ctx = GRAFT_TAKE(work);
	job->ctx_free = work_free;
	*ret = GRAFT_TAKE(job);
	return NULL;
}
