// SPDX-License-Identifier: Apache-2.0

#include "cmd/work.h"

#include "apply/lock.h"
#include "apply/recover.h"
#include "base/env.h"
#include "base/text.h"
#include "cmd/rollout.h"
#include "plan/sightings.h"
#include "proc/hints.h"
#include "proc/memory_group.h"
#include "proc/status.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	/** Longest time that a process may stand still at once: 50 ms. */
	STOP_LIMIT_US = 50 * 1000,
	/** How we are scheduled while we work on others. */
	NICE = -20,
	/** Of so many processes it is cheaper to ask each who shares its memory. */
	FEW = 4,
	/** Memory that is kept for the next process. */
	KEPT_BYTES = 8 << 20,
	/** Plans for one process, of which each found its place taken. */
	PLANS_MAX = 8,
};

struct graft_error *
graft_work_see_sharers(struct graft_work *work, size_t count)
{
	work->tried += count;
	if (work->tried <= FEW)
		return NULL;
	work->limits.sharers = &work->sharers;
	return graft_sharers_keep(&work->sharers);
}

struct graft_error *
graft_work_alone(struct graft_work *work, graft_work_fn fn,
		 struct graft_outcome *outcome)
{
	struct graft_recover_result recovered = { 0 };
	GRAFT_CLEANUP(graft_lock_deinit) struct graft_lock lock = { 0 };

	struct graft_error *err =
		graft_lock_take(graft_env_state_dir(), &work->locks,
				outcome->pid, work->options->wait_us, &lock);
	if (err)
		return err;
	err = graft_recover_pid(work->ledger, outcome->pid, &work->limits,
				&recovered);
	if (err)
		return graft_error_prefix(err, "earlier work was cut off");
	err = graft_work_see_sharers(work, 1);
	return err ? err : fn(work, outcome);
}

/**
 * Make a refusal of memory that is not where the mappings had it: the process
 * executes another program, or unloads a library, and nothing here is broken. A
 * moment later all may be where it is said to be.
 */
GRAFT_MUST_CHECK static struct graft_error *
refuse_change(struct graft_outcome *outcome, struct graft_error *err)
{
	if (!err || graft_error_errno(err) != EFAULT)
		return err;
	outcome->passing = !outcome->unsettled;
	struct graft_error *ours = graft_error_new(
		GRAFT_ERROR_REFUSED,
		"R-12: its memory changes while it is worked on: %s",
		graft_error_message(err));
	graft_error_free(err);
	return ours;
}

/** Did the process that an outcome names end, or become another one? */
static bool
is_gone(const struct graft_outcome *outcome)
{
	struct graft_proc_status now = { 0 };
	struct graft_error *err = graft_proc_status_read(outcome->pid, &now);

	graft_error_free(err);
	if (err || now.start_ticks != outcome->start_ticks)
		return true;
	// A first thread may end before the others.
	return (now.state == 'Z' || now.state == 'X') &&
	       graft_proc_live_tid(outcome->pid) == 0;
}

/**
 * Make an error of a process that ended while it was worked on what it is: whatever
 * was looked for then is not there.
 */
GRAFT_MUST_CHECK static struct graft_error *
explain_end(const struct graft_outcome *outcome, struct graft_error *err)
{
	if (!err || graft_error_code(err) == GRAFT_ERROR_TARGET_GONE ||
	    !is_gone(outcome))
		return err;
	struct graft_error *gone = graft_error_new(GRAFT_ERROR_TARGET_GONE,
						   "it exited meanwhile (%s)",
						   graft_error_message(err));
	graft_error_free(err);
	return gone;
}

/**
 * Make an error of a process that --all meant, and means no more, what it is: it
 * executed another program between the look at all and its turn, or unloaded the
 * library. Only where nothing was begun does such an error say nothing else.
 */
GRAFT_MUST_CHECK static struct graft_error *
explain_other(struct graft_work *work, const struct graft_outcome *outcome,
	      struct graft_error *err)
{
	bool meant = true;

	if (!err || outcome->begun || !work->options->all || !work->filter ||
	    graft_error_code(err) == GRAFT_ERROR_TARGET_GONE ||
	    graft_error_kind(err) == GRAFT_KIND_FAULT)
		return err;
	// Who cannot be looked at is left with what was found first.
	struct graft_error *look = work->filter(work, outcome->pid, &meant);
	if (look || meant) {
		graft_error_free(look);
		return err;
	}
	struct graft_error *gone = graft_error_new(
		GRAFT_ERROR_TARGET_GONE,
		"it executed another program, or unloaded the library, meanwhile (%s)",
		graft_error_message(err));
	graft_error_free(err);
	return gone;
}

struct graft_error *
graft_work_begin(struct graft_outcome *outcome)
{
	struct graft_proc_status status = { 0 };

	graft_error_free(graft_proc_stat_read(outcome->pid, &status));
	memcpy(outcome->comm, status.comm, sizeof(outcome->comm));
	if (outcome->start_ticks && outcome->start_ticks != status.start_ticks)
		return graft_error_new(GRAFT_ERROR_TARGET_GONE,
				       "it exited meanwhile");
	outcome->start_ticks = status.start_ticks;
	if (outcome->pid == getpid())
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "graft does not work on itself");
	return NULL;
}

void
graft_work_end(struct graft_work *work, struct graft_outcome *outcome,
	       struct graft_error *err)
{
	err = explain_end(outcome, refuse_change(outcome, err));
	outcome->err = explain_other(work, outcome, err);
	if (outcome->err &&
	    graft_error_code(outcome->err) == GRAFT_ERROR_TARGET_GONE)
		outcome->passing = false;
}

struct graft_error *
graft_work_ready(struct graft_work *work)
{
	if (!work->changes || work->ledger)
		return NULL;
	return graft_work_open_ledger(&work->ledger);
}

struct graft_error *
graft_work_try(struct graft_work *work, graft_work_fn fn,
	       struct graft_outcome *outcome)
{
	// Not before there is somebody to work on: it makes the state directory.
	struct graft_error *err = graft_work_ready(work);
	if (err)
		return err;
	outcome->err = graft_work_begin(outcome);
	graft_memory_groups_forget(work->limits.hints->groups);
	if (!outcome->err)
		graft_work_end(work, outcome,
			       work->changes
				       ? graft_work_alone(work, fn, outcome)
				       : fn(work, outcome));
	return NULL;
}

struct graft_error *
graft_work_take(struct graft_work *work, struct graft_outcome *outcome,
		struct graft_outcomes *outcomes)
{
	if (!outcome->err || !work->options->all ||
	    graft_error_code(outcome->err) != GRAFT_ERROR_TARGET_GONE)
		return graft_outcomes_take(outcomes, outcome);
	graft_error_free(outcome->err);
	free(outcome->detail);
	*outcome = (struct graft_outcome){ 0 };
	return NULL;
}

/** Say whether what was planned found its place taken, by what the process mapped since
 * (the stack of a child that it spawns, say): another plan finds another place. */
static bool
is_taken(const struct graft_error *err)
{
	return graft_error_code(err) == GRAFT_ERROR_NO_SPACE_NEARBY;
}

void
graft_work_note(struct graft_outcome *outcome,
		const struct graft_switch_result *result,
		const struct graft_error *err)
{
	outcome->pause_us = result->pause_us;
	outcome->tries = result->tries;
	outcome->stayed = err ? 0 : result->stayed;
	outcome->begun = true;
	outcome->unsettled = result->unsettled;
	outcome->passing = err && !result->unsettled &&
			   (result->passing || is_taken(err)) &&
			   graft_error_kind(err) == GRAFT_KIND_REFUSAL;
}

/** Do what is prepared by somebody, once. @param[out] again Another plan may do. */
GRAFT_MUST_CHECK static struct graft_error *
do_once(struct graft_work *work, graft_work_prepare_fn prepare,
	struct graft_outcome *outcome, bool *again)
{
	GRAFT_CLEANUP(graft_job_freep) struct graft_job *job = NULL;
	struct graft_error *err = prepare(work, outcome, &job);

	*again = false;
	if (err)
		return err;
	graft_jobs_run(&job, 1, work->ledger, &work->limits);
	graft_work_note(outcome, &job->result, job->err);
	*again = outcome->passing && is_taken(job->err);
	return GRAFT_TAKE(job->err);
}

/** Do what is prepared by somebody. */
GRAFT_MUST_CHECK static struct graft_error *
do_prepared(struct graft_work *work, graft_work_prepare_fn prepare,
	    struct graft_outcome *outcome)
{
	bool again;
	struct graft_error *err = do_once(work, prepare, outcome, &again);

	for (int i = 1; again && i < PLANS_MAX; i++) {
		graft_error_free(err);
		err = do_once(work, prepare, outcome, &again);
	}
	return err;
}

struct graft_error *
graft_work_prepared(struct graft_work *work, struct graft_outcome *outcome)
{
	return do_prepared(work, work->prepare, outcome);
}

struct graft_error *
graft_work_revert(struct graft_work *work, struct graft_outcome *outcome)
{
	return do_prepared(work, graft_work_prepare_revert, outcome);
}

GRAFT_MUST_CHECK static struct graft_error *
print(struct graft_work *work, const struct graft_outcomes *outcomes)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	if (!work->options->json) {
		graft_outcomes_print(outcomes, work->done, work->verb,
				     work->changes);
		if (!outcomes->count)
			(void)fprintf(
				stderr, "graft %s: no process concerns it%s\n",
				work->verb,
				geteuid() == 0
					? ""
					: " that may be looked at without root");
		return NULL;
	}
	struct graft_error *err = graft_outcomes_print_json(outcomes, work->id,
							    work->done, &text);
	if (!err)
		(void)fputs(graft_text_str(&text), stdout);
	return err;
}

/** Say what is so and how to go on, and end as the signal would have ended us. */
static void
end_by_signal(const struct graft_work *work,
	      const struct graft_outcomes *outcomes)
{
	size_t done = 0;

	for (size_t i = 0; i < outcomes->count; i++)
		done += outcomes->items[i].err == NULL;
	(void)fflush(stdout);
	(void)fprintf(
		stderr,
		"graft %s: interrupted while %zu canar%s watched: %s; `graft %s` again goes on with all others, `graft revert %s --all` takes it back\n",
		work->verb, done, done == 1 ? "y was" : "ies were",
		done == 1 ? "it stays switched" : "they stay switched",
		work->verb, work->id);
	(void)raise(work->interrupted);
}

struct graft_error *
graft_work_open_ledger(struct graft_ledger **ret)
{
	return graft_work_say_root(
		graft_ledger_open(graft_env_state_dir(), false, ret));
}

struct graft_error *
graft_work_say_root(struct graft_error *err)
{
	if (!err || geteuid() == 0 ||
	    graft_error_code(err) != GRAFT_ERROR_LEDGER)
		return err;
	return graft_error_prefix(
		err,
		"root (CAP_SYS_PTRACE) is needed, or for processes of your own a ledger of your own");
}

struct graft_error *
graft_work_do(struct graft_work *work, graft_work_filter_fn filter,
	      graft_work_fn fn, struct graft_outcomes *outcomes)
{
	GRAFT_CLEANUP(graft_sightings_deinit)
	struct graft_sightings sightings = { 0 };
	GRAFT_CLEANUP(graft_hints_deinit) struct graft_hints hints = { 0 };
	struct graft_error *err = graft_hints_init(&hints);

	if (err)
		return err;

	work->limits = (struct graft_switch_limits){
		.wait_us = work->options->wait_us,
		.stop_us = STOP_LIMIT_US,
		.owner = getpid(),
		.sightings = &sightings,
		.hints = &hints,
	};
	work->filter = filter;
	// The next process needs what the last one gave back. Handed to the kernel
	// in between, each of its pages would be a fault.
	(void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
	(void)mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
	// Hundreds of busy threads would leave us a few milliseconds of each
	// second, while some of them wait for us. Without the right: as it is.
	if (work->changes)
		(void)setpriority(PRIO_PROCESS, 0, NICE);
	err = graft_rollout_run(work, filter, fn, outcomes);
	graft_ledger_close(work->ledger);
	work->ledger = NULL;
	work->limits.sightings = NULL;
	work->limits.hints = NULL;
	work->limits.sharers = NULL;
	graft_sharers_deinit(&work->sharers);
	graft_locks_deinit(&work->locks);
	return err;
}

struct graft_error *
graft_work_run(struct graft_work *work, graft_work_filter_fn filter,
	       graft_work_fn fn, int *status_ret)
{
	GRAFT_CLEANUP(graft_outcomes_deinit)
	struct graft_outcomes outcomes = { 0 };
	struct graft_error *err = graft_work_do(work, filter, fn, &outcomes);

	if (err) {
		// What was done until then is done, and said.
		if (outcomes.count && !work->options->json)
			graft_error_free(print(work, &outcomes));
		return err;
	}
	err = print(work, &outcomes);
	if (!err)
		*status_ret = graft_outcomes_status(&outcomes);
	if (work->interrupted)
		end_by_signal(work, &outcomes);
	return err;
}
