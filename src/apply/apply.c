// SPDX-License-Identifier: Apache-2.0

#include "apply/apply.h"

#include "apply/build.h"
#include "apply/entries.h"
#include "apply/job.h"
#include "apply/recover.h"
#include "base/fault.h"

#include <stdlib.h>
#include <string.h>

/** What the guardian is told. */
struct job {
	const struct graft_plan *plan;
	/** One for each module. */
	const struct graft_change *changes;
	const struct graft_switch_limits *limits;
};

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

/** Put the jumps in; without them the shadows go. */
GRAFT_MUST_CHECK static struct graft_error *
switch_in(struct graft_target *target, const struct job *job,
	  struct graft_switch_result *result)
{
	struct graft_error *err;
	GRAFT_CLEANUP(graft_switch_freep) struct graft_switch *sw = NULL;

	err = graft_switch_new(job->changes, job->plan->count, GRAFT_SWITCH_IN,
			       false, &sw);
	if (!err)
		err = graft_switch_run(sw, target, job->limits, result);
	// Jumps that could not be put back still lead to the shadows.
	if (!err || result->unsettled)
		return err;
	struct graft_error *more = graft_switch_attach(target);
	if (!more)
		more = undo(target, job->plan, job->plan->count);
	graft_target_detach(target);
	return join(err, more, result);
}

/** Exchange the jumps back; the shadows stay, as after a revert. */
GRAFT_MUST_CHECK static struct graft_error *
switch_out(struct graft_target *target, const struct job *job)
{
	struct graft_error *err = NULL;
	struct graft_switch_result result;
	size_t count = job->plan->count;
	GRAFT_CLEANUP(graft_switch_freep) struct graft_switch *sw = NULL;
	GRAFT_FREE struct graft_change *back = calloc(count + 1, sizeof(*back));

	if (!back)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++)
		back[i] = (struct graft_change){ .from = job->changes[i].to,
						 .to = job->changes[i].from };
	err = graft_switch_new(back, count, GRAFT_SWITCH_OUT, false, &sw);
	if (err)
		return err;
	err = graft_switch_run(sw, target, job->limits, &result);
	for (size_t i = 0; i < count && !err; i++) {
		const struct graft_plan_module *module = &job->plan->modules[i];
		err = graft_build_set_changed(target, &back[i], true);
		if (!err && module->reuse)
			err = graft_build_set_before(target, &module->header,
						     &module->below);
	}
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
commit(struct graft_target *target, const struct job *job,
       struct graft_switch_result *result)
{
	struct graft_error *err = graft_fault("apply-commit");

	for (size_t i = 0; i < job->plan->count && !err; i++) {
		const struct graft_plan_module *module = &job->plan->modules[i];
		err = graft_build_set_changed(target, &job->changes[i], false);
		if (!err && module->above)
			err = graft_build_set_before(target, module->above,
						     &module->below);
	}
	return err ? join(err, switch_out(target, job), result) : NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
carry_out(const void *ctx, struct graft_switch_result *result)
{
	struct graft_error *err;
	const struct job *job = ctx;
	const struct graft_plan *plan = job->plan;

	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	err = graft_target_open(plan->pid, &target);
	if (err)
		return err;
	if (graft_target_start_ticks(target) != plan->start_ticks)
		return graft_error_new(GRAFT_ERROR_TARGET_GONE,
				       "it exited, and its number is reused");
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
	err = switch_in(target, job, result);
	if (err)
		return err;
	return commit(target, job, result);
}

struct graft_error *
graft_apply_run(const struct graft_plan *plan, struct graft_ledger *ledger,
		const struct graft_switch_limits *limits,
		struct graft_switch_result *ret)
{
	struct graft_error *err;
	bool killed;
	GRAFT_CLEANUP(graft_entries_deinit)
	struct graft_entries entries = { 0 };
	GRAFT_FREE const struct graft_header **headers =
		calloc(plan->count + 1, sizeof(*headers));
	GRAFT_FREE struct graft_change *changes = calloc(plan->count + 1,
							 sizeof(*changes));
	if (!headers || !changes)
		return graft_error_no_memory();

	*ret = (struct graft_switch_result){ 0 };
	for (size_t i = 0; i < plan->count; i++) {
		headers[i] = &plan->modules[i].header;
		changes[i] = (struct graft_change){
			.from = plan->modules[i].replaced,
			.to = headers[i],
		};
	}
	struct graft_entries_who who = {
		.pid = plan->pid,
		.start_ticks = plan->start_ticks,
		.comm = plan->comm,
	};
	err = graft_entries_begin(ledger, &who, GRAFT_LEDGER_APPLY, headers,
				  plan->count, &entries);
	if (err)
		return err;
	struct job job = { .plan = plan, .changes = changes, .limits = limits };
	err = graft_job_run(carry_out, &job, limits->sightings, ret, &killed);
	if (killed || ret->unsettled)
		return graft_recover_after_kill(ledger, plan->pid, err);
	return graft_entries_conclude(ledger, &entries, ret->pause_us, err);
}
