// SPDX-License-Identifier: Apache-2.0

// Processes that sleep before they run, until graft has been at them.

#include "agent/inside.h"
#include "base/clock.h"

#include <string.h>
#include <sys/resource.h>
#include <syslog.h>

struct graft_error *
graft_worker_begin_holding(struct graft_worker *worker)
{
	if (!worker->options->config->before_main)
		return NULL;
	worker->nice = getpriority(PRIO_PROCESS, 0);
	struct graft_error *err = graft_hold_new(
		worker->options->scope, worker->options->tool, &worker->hold);
	if (err && graft_error_code(err) != GRAFT_ERROR_NO_MEMORY) {
		graft_worker_say_missing(
			worker, err,
			"nobody is held before it runs, but hotpatched after");
		return NULL;
	}
	worker->state.holder = !err;
	if (!err && !worker->state.paused)
		worker->look.hold = worker->hold;
	return err;
}

void
graft_worker_stop_holding(struct graft_worker *worker)
{
	if (!worker->hold)
		return;
	graft_hold_flush(worker->hold);
	worker->look.hold = worker->state.paused ? NULL : worker->hold;
}

/** Be as urgent as what somebody waits for, or as before. */
static void
set_urgent(const struct graft_worker *worker)
{
	(void)setpriority(PRIO_PROCESS, 0,
			  worker->asleep_count ? GRAFT_HOLDING_NICE
					       : worker->nice);
}

/** Find one that is held. @return Its index, or the count. */
static size_t
find(const struct graft_worker *worker, pid_t pid)
{
	size_t at = 0;

	while (at < worker->asleep_count && worker->asleep[at].pid != pid)
		at++;
	return at;
}

bool
graft_worker_is_held(const struct graft_worker *worker, pid_t pid)
{
	return find(worker, pid) < worker->asleep_count;
}

/** Forget one that sleeps, or did. */
static void
drop(struct graft_worker *worker, size_t at)
{
	graft_hold_done(worker->hold, worker->asleep[at].pid);
	worker->asleep[at] = worker->asleep[--worker->asleep_count];
	if (!worker->asleep_count)
		set_urgent(worker);
}

/** Take one that is held. */
static void
take(void *arg, pid_t pid, bool sleeps)
{
	struct graft_worker *worker = arg;
	size_t at = find(worker, pid);

	worker->state.held_starts += sleeps;
	if (at == GRAFT_HOLDING_MAX || worker->ending || worker->state.paused) {
		graft_hold_done(worker->hold, pid);
		return;
	}
	// A second thread of one that graft is at waits for the same run.
	if (at < worker->asleep_count && worker->asleep[at].busy)
		return;
	worker->asleep[at] = (struct graft_asleep){
		.pid = pid,
		.loads = !sleeps,
		.until_us = graft_clock_monotonic_us() +
			    (sleeps ? GRAFT_HOLDING_SLEEP_US
				    : GRAFT_HOLDING_LEAD_US),
	};
	worker->asleep_count += at == worker->asleep_count;
	set_urgent(worker);
}

/** Look at those that sleep and were not looked at yet. */
GRAFT_MUST_CHECK static struct graft_error *
look(struct graft_worker *worker)
{
	pid_t pids[GRAFT_HOLDING_MAX];
	size_t count = 0;

	for (size_t i = 0; i < worker->asleep_count; i++) {
		struct graft_asleep *asleep = &worker->asleep[i];
		if (asleep->loads || asleep->seen)
			continue;
		pids[count++] = asleep->pid;
		asleep->seen = true;
	}
	return count ? graft_look_at_some(&worker->look, pids, count) : NULL;
}

struct graft_error *
graft_worker_take_asleep(struct graft_worker *worker)
{
	bool ended = false;
	bool begun = false;

	if (!worker->hold)
		return NULL;
	graft_hold_take(worker->hold, take, worker, &ended, &begun);
	if (ended)
		graft_worker_log(
			worker, LOG_WARNING, 0, NULL,
			"the holder has ended: nobody is held until it is started anew");
	if (begun)
		worker->full_us = 0;
	worker->state.holder = graft_hold_fd(worker->hold) >= 0;
	// Those that waited for another run too long.
	for (size_t i = worker->asleep_count; i-- > 0;) {
		if (!worker->asleep[i].busy &&
		    graft_clock_monotonic_us() >= worker->asleep[i].until_us)
			drop(worker, i);
	}
	return look(worker);
}

/** Find what one that sleeps needs, or NULL. */
static struct graft_table_need *
find_need(const struct graft_worker *worker, pid_t pid,
	  const struct graft_table_process **process_ret)
{
	struct graft_table_process *process = graft_table_find(&worker->table,
							       pid);
	uint64_t now_us = graft_clock_monotonic_us();

	*process_ret = process;
	for (size_t i = 1; process && i < process->need_count; i++) {
		if (graft_worker_is_wanted(worker, process, &process->needs[i],
					   now_us))
			return &process->needs[i];
	}
	return NULL;
}

void
graft_worker_choose_asleep(struct graft_worker *worker, struct graft_job *job)
{
	for (size_t i = 0; i < worker->asleep_count;) {
		struct graft_asleep *asleep = &worker->asleep[i];
		const struct graft_table_process *process = NULL;
		struct graft_table_need *need = find_need(worker, asleep->pid,
							  &process);
		if (asleep->busy || asleep->loads) {
			i++;
			continue;
		}
		if (!need || worker->state.paused) {
			drop(worker, i);
			continue;
		}
		i++;
		if (job->pid_count && need->serial != job->serial)
			continue;
		graft_worker_add_to_job(job, process, need);
		asleep->busy = true;
	}
	job->kind = job->pid_count ? GRAFT_JOB_APPLY : GRAFT_JOB_NONE;
}

void
graft_worker_wake(struct graft_worker *worker, const struct graft_job *job,
		  size_t done)
{
	uint64_t now_us = graft_clock_monotonic_us();

	for (size_t i = 0; i < worker->asleep_count;) {
		struct graft_asleep *asleep = &worker->asleep[i];
		bool of_job = false;
		for (size_t k = 0; k < job->pid_count; k++)
			of_job |= job->pids[k] == asleep->pid;
		if (!of_job || !asleep->busy) {
			i++;
			continue;
		}
		if (done && now_us < asleep->until_us) {
			worker->state.held_hotpatched++;
			done--;
		}
		asleep->busy = false;
		// What else it needs comes with the next run, in its time.
		const struct graft_table_process *process;
		if (now_us < asleep->until_us &&
		    find_need(worker, asleep->pid, &process))
			i++;
		else
			drop(worker, i);
	}
}
