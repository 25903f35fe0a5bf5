// SPDX-License-Identifier: Apache-2.0

#include "cmd/batch.h"

#include "apply/lock.h"
#include "base/clock.h"
#include "base/env.h"
#include "proc/hints.h"
#include "proc/memory_group.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/** One process of a batch. */
struct member {
	struct graft_outcome outcome;
	struct graft_lock lock;
	/** NULL: it is not worked on in the batch. */
	struct graft_job *job;
	/** It must be worked on alone. */
	bool alone;
};

/** All of them. */
struct batch {
	struct member members[GRAFT_BATCH_MOST];
	size_t count;
};

static void
batch_deinit(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct member *member = &batch->members[i];
		graft_job_free(member->job);
		graft_error_free(member->outcome.err);
		free(member->outcome.detail);
		graft_lock_deinit(&member->lock);
	}
}

/** Take each for ourselves. Who is somebody else's now is not waited for. */
static void
take_all(struct graft_work *work, struct batch *batch, const pid_t *pids)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct member *member = &batch->members[i];
		member->outcome.pid = pids[i];
		// Who it is shows when it is looked at.
		if (pids[i] == getpid())
			member->outcome.err =
				graft_work_begin(&member->outcome);
		if (member->outcome.err)
			continue;
		// With locks in our hands: two of us that wait for each other
		// would wait until both give up.
		struct graft_error *err = graft_lock_take(graft_env_state_dir(),
							  &work->locks, pids[i],
							  0, &member->lock);
		member->alone = err != NULL;
		graft_error_free(err);
	}
}

/** Find those whose earlier work was cut off. They are locked: no work begins. */
GRAFT_MUST_CHECK static struct graft_error *
find_cut_off(const struct graft_work *work, struct batch *batch)
{
	static const struct graft_ledger_query query = { .open_only = true };
	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = NULL;
	struct graft_error *err = graft_ledger_find(work->ledger, &query,
						    &list);

	for (size_t i = 0; !err && i < list->count; i++) {
		for (size_t k = 0; k < batch->count; k++)
			batch->members[k].alone |=
				batch->members[k].outcome.pid ==
				list->entries[i].pid;
	}
	return err;
}

/** Note who it is that somebody works on. */
static void
note(struct graft_outcome *outcome, const struct graft_entries_who *who)
{
	(void)snprintf(outcome->comm, sizeof(outcome->comm), "%s", who->comm);
	outcome->start_ticks = who->start_ticks;
}

/** Prepare the jobs. @return How many there are, in @p jobs. */
static size_t
prepare_all(struct graft_work *work, struct batch *batch,
	    struct graft_job **jobs)
{
	size_t count = 0;

	for (size_t i = 0; i < batch->count; i++) {
		struct member *member = &batch->members[i];
		if (member->alone || member->outcome.err)
			continue;
		// Seldom looked at means to be looked at from the beginning.
		if (work->limits.sharers)
			graft_sharers_note(work->limits.sharers);
		struct graft_error *err = work->prepare(work, &member->outcome,
							&member->job);
		if (err) {
			graft_error_free(graft_work_begin(&member->outcome));
			graft_work_end(work, &member->outcome, err);
			continue;
		}
		note(&member->outcome, &member->job->who);
		jobs[count++] = member->job;
	}
	return count;
}

/** Say what became of one, or let it wait. */
GRAFT_MUST_CHECK static struct graft_error *
conclude(struct graft_work *work, struct member *member, uint64_t left_us,
	 struct graft_turns *turns, struct graft_outcomes *outcomes)
{
	struct graft_job *job = member->job;
	struct graft_outcome *outcome = &member->outcome;

	if (job) {
		graft_work_note(outcome, &job->result, job->err);
		graft_work_end(work, outcome, GRAFT_TAKE(job->err));
	}
	if (outcome->passing && left_us) {
		graft_turns_add(turns, outcome, left_us);
		*outcome = (struct graft_outcome){ 0 };
		return NULL;
	}
	return graft_work_take(work, outcome, outcomes);
}

/** Work on those that can be worked on together. */
GRAFT_MUST_CHECK static struct graft_error *
work_together(struct graft_work *work, struct batch *batch,
	      struct graft_turns *turns, struct graft_outcomes *outcomes)
{
	struct graft_job *jobs[GRAFT_BATCH_MOST];
	uint64_t whole = work->limits.wait_us;
	uint64_t first = whole < GRAFT_TURN_FIRST_US ? whole
						     : GRAFT_TURN_FIRST_US;
	struct graft_error *err = find_cut_off(work, batch);
	if (!err)
		err = graft_work_see_sharers(work, batch->count);
	if (err)
		return err;
	graft_memory_groups_forget(work->limits.hints->groups);
	size_t count = prepare_all(work, batch, jobs);
	work->limits.wait_us = first;
	graft_jobs_run(jobs, count, work->ledger, &work->limits);
	work->limits.wait_us = whole;
	for (size_t i = 0; i < batch->count; i++) {
		struct member *member = &batch->members[i];
		if (member->alone)
			continue;
		// The others are said too: they were worked on.
		struct graft_error *more = conclude(work, member, whole - first,
						    turns, outcomes);
		if (err)
			graft_error_free(more);
		else
			err = more;
	}
	return err;
}

struct graft_error *
graft_batch_run(struct graft_work *work, const pid_t *pids, size_t count,
		struct graft_turns *turns, struct graft_outcomes *outcomes)
{
	bool alone[GRAFT_BATCH_MOST];
	uint64_t start_us = graft_clock_monotonic_us();

	assert(count <= GRAFT_BATCH_MOST);
	struct graft_error *err = graft_work_ready(work);
	if (!err)
		err = graft_turns_reserve(turns, count);
	if (err)
		return err;
	{
		size_t waiting = turns->count;
		GRAFT_CLEANUP(batch_deinit)
		struct batch batch = { .count = count };
		take_all(work, &batch, pids);
		err = work_together(work, &batch, turns, outcomes);
		for (size_t i = 0; i < count; i++)
			alone[i] = batch.members[i].alone;
		uint64_t spent_us = graft_clock_monotonic_us() - start_us;
		for (size_t i = 0; i < waiting; i++)
			turns->list[i].end_us += spent_us;
	}
	for (size_t i = 0; !err && i < count; i++) {
		if (alone[i])
			err = graft_turns_begin(work, graft_work_prepared,
						pids[i], false, turns,
						outcomes);
	}
	return err;
}
