// SPDX-License-Identifier: Apache-2.0

#include "cmd/rollout.h"

#include "base/clock.h"
#include "base/vec.h"
#include "cmd/batch.h"
#include "cmd/canary.h"
#include "cmd/progress.h"
#include "cmd/turns.h"
#include "proc/list.h"
#include "proc/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/** How often --all looks for new processes before it gives up on a host
	 * that makes them faster. */
	PASSES_MAX = 20,
};

/** Processes to work on. */
struct pids {
	pid_t *pids;
	size_t count;
	size_t room;
};

static void
pids_deinit(struct pids *pids)
{
	free(pids->pids);
}

static bool
is_known(const struct graft_outcomes *outcomes, pid_t pid)
{
	for (size_t i = 0; i < outcomes->count; i++) {
		if (outcomes->items[i].pid == pid)
			return true;
	}
	return false;
}

/** Find those that --all means and that are new. What cannot be looked at is not
 * meant. */
GRAFT_MUST_CHECK static struct graft_error *
find_new(struct graft_work *work, graft_work_filter_fn filter,
	 const struct graft_outcomes *outcomes, struct pids *ret)
{
	GRAFT_FREE pid_t *pids = NULL;
	size_t count;
	struct graft_error *err = graft_proc_list(&pids, &count);
	if (err)
		return err;

	ret->count = 0;
	GRAFT_CLEANUP(graft_progress_end)
	struct graft_progress progress = graft_progress_begin(count);
	for (size_t i = 0; i < count; i++) {
		bool meant = false;
		if (pids[i] == getpid() || is_known(outcomes, pids[i]))
			continue;
		graft_progress_step(&progress, i, "looking for processes");
		graft_error_free(filter(work, pids[i], &meant));
		if (!meant)
			continue;
		err = graft_vec_reserve(&ret->pids, &ret->room, ret->count + 1,
					sizeof(*ret->pids));
		if (err)
			return err;
		ret->pids[ret->count++] = pids[i];
	}
	return NULL;
}

static size_t
count_done(const struct graft_outcomes *outcomes)
{
	size_t done = 0;

	for (size_t i = 0; i < outcomes->count; i++)
		done += outcomes->items[i].err == NULL;
	return done;
}

/**
 * Take back what was done, the last first.
 *
 * @param[in] why For whom, as the end of a sentence.
 */
static void
take_back(struct graft_work *work, struct graft_outcomes *outcomes,
	  const char *why)
{
	for (size_t i = outcomes->count; i-- > 0;) {
		struct graft_outcome *outcome = &outcomes->items[i];
		struct graft_outcome undone = { .pid = outcome->pid };
		if (outcome->err)
			continue;
		struct graft_error *err = graft_work_alone(work, work->undo,
							   &undone);
		free(undone.detail);
		// Who has ended needs nothing taken back.
		if (err && graft_error_code(err) == GRAFT_ERROR_TARGET_GONE) {
			graft_error_free(err);
			err = NULL;
		}
		outcome->stays = err != NULL;
		outcome->err =
			err ? graft_error_prefix(err, "it could not be taken "
						      "back from it")
			    : graft_error_new(GRAFT_ERROR_REFUSED,
					      "taken back, because %s", why);
	}
}

/** Watch the canaries. Returns false if nothing may follow; if one has ended, all
 * was taken back then. */
static bool
watch(struct graft_work *work, struct graft_outcomes *outcomes)
{
	char why[64];

	if (!count_done(outcomes))
		return true;
	switch (graft_canary_watch(outcomes, work->options->watch_us, why,
				   sizeof(why), &work->interrupted)) {
	case GRAFT_CANARY_ENDED:
		take_back(work, outcomes, why);
		return false;
	case GRAFT_CANARY_INTERRUPTED:
		return false;
	case GRAFT_CANARY_WELL:
	default:
		return true;
	}
}

/**
 * Add a line for each that still waited for its threads, and waits no more.
 *
 * @param[in] why As the end of a sentence.
 */
static void
give_up(const struct graft_turns *turns, const char *why,
	struct graft_outcomes *outcomes)
{
	for (size_t i = 0; i < turns->count; i++) {
		const struct graft_turn *turn = &turns->list[i];
		struct graft_proc_status status = { 0 };
		struct graft_outcome outcome = {
			.pid = turn->pid,
			.start_ticks = turn->start_ticks,
			.tries = turn->tries,
		};
		graft_error_free(graft_proc_status_read(turn->pid, &status));
		memcpy(outcome.comm, status.comm, sizeof(outcome.comm));
		outcome.err = graft_error_new(
			GRAFT_ERROR_REFUSED,
			"not done: it waited for its threads when %s", why);
		// What cannot be said for want of memory is not said.
		graft_error_free(graft_outcomes_take(outcomes, &outcome));
	}
}

/** How many are worked on at once: canaries one after the other. */
static size_t
batch_size(const struct graft_work *work, bool watched, size_t left)
{
	if (!work->prepare || !watched)
		return 1;
	return left < GRAFT_BATCH_MOST ? left : GRAFT_BATCH_MOST;
}

/** Work on some processes. @param[in,out] watched_io The canaries were watched. */
GRAFT_MUST_CHECK static struct graft_error *
work_on_some(struct graft_work *work, graft_work_fn fn, const pid_t *pids,
	     size_t count, struct graft_outcomes *outcomes, bool *watched_io,
	     bool *ended_ret)
{
	struct graft_error *err = NULL;
	GRAFT_CLEANUP(graft_turns_deinit) struct graft_turns turns = { 0 };
	GRAFT_CLEANUP(graft_progress_end)
	struct graft_progress progress = graft_progress_begin(count);

	for (size_t i = 0; !err && (i < count || turns.count);) {
		if (!*watched_io &&
		    count_done(outcomes) >= work->options->canaries) {
			*watched_io = true;
			uint64_t before = graft_clock_monotonic_us();
			*ended_ret = !watch(work, outcomes);
			if (*ended_ret) {
				give_up(&turns,
					work->interrupted
						? "graft was interrupted"
						: "a canary ended",
					outcomes);
				return NULL;
			}
			graft_turns_extend(&turns,
					   graft_clock_monotonic_us() - before);
		}
		graft_progress_step(&progress, i - turns.count, work->verb);
		size_t some = batch_size(work, *watched_io, count - i);
		if (some > 1) {
			err = graft_batch_run(work, &pids[i], some, &turns,
					      outcomes);
			i += some;
		} else if (i < count)
			err = graft_turns_begin(work, fn, pids[i++], count == 1,
						&turns, outcomes);
		else
			err = graft_turns_next(work, fn, &turns, outcomes);
	}
	if (err)
		give_up(&turns, "graft itself failed", outcomes);
	return err;
}

/** Find the first that was refused, or NULL. */
static const struct graft_outcome *
find_refused(const struct graft_outcomes *outcomes)
{
	for (size_t i = 0; i < outcomes->count; i++) {
		if (graft_outcome_is_refused(&outcomes->items[i]))
			return &outcomes->items[i];
	}
	return NULL;
}

/** With --all-or-none: none, if one was refused. */
static void
all_or_none(struct graft_work *work, struct graft_outcomes *outcomes)
{
	const struct graft_outcome *refused = find_refused(outcomes);
	char why[64];

	if (!work->options->all_or_none || !refused)
		return;
	(void)snprintf(why, sizeof(why), "process %d (%.15s) was refused",
		       (int)refused->pid, refused->comm);
	take_back(work, outcomes, why);
}

struct graft_error *
graft_rollout_run(struct graft_work *work, graft_work_filter_fn filter,
		  graft_work_fn fn, struct graft_outcomes *outcomes)
{
	const struct graft_options *options = work->options;
	GRAFT_CLEANUP(pids_deinit) struct pids pids = { 0 };
	bool watched = !options->canaries;
	bool ended = false;
	struct graft_error *err = NULL;

	if (!options->all)
		err = work_on_some(work, fn, options->pids, options->pid_count,
				   outcomes, &watched, &ended);
	for (int pass = 0; options->all && !err && !ended && pass < PASSES_MAX;
	     pass++) {
		err = find_new(work, filter, outcomes, &pids);
		if (err || (!pids.count && (watched || !outcomes->count)))
			break;
		err = work_on_some(work, fn, pids.pids, pids.count, outcomes,
				   &watched, &ended);
		// All that there were are canaries: watch, and look again.
		if (!err && !ended && !watched) {
			watched = true;
			ended = !watch(work, outcomes);
		}
		if (!work->changes)
			break;
	}
	if (!options->all && !err && !watched)
		ended = !watch(work, outcomes);
	if (err && options->all_or_none)
		take_back(work, outcomes, "graft itself failed");
	else if (!err && !work->interrupted)
		all_or_none(work, outcomes);
	return err;
}
