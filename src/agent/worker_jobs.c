// SPDX-License-Identifier: Apache-2.0

// The runs of graft: whom each is for.

#include "agent/inside.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum {
	/** Slots: what compares two builds may take minutes, the rest does not. */
	SLOT_SYNC = 0,
	SLOT_QUICK = 1,
	SLOT_HELD = 2,
	/** Longest that graft waits for threads; longest that it may take. */
	WAIT_S = 5,
	SYNC_S = 30 * 60,
	QUICK_S = 5 * 60,
	ARGUMENTS = 16 + 2 * GRAFT_JOB_PIDS,
	NUMBER_LEN = 12,
};

/** The arguments of a run. */
struct arguments {
	char *argv[ARGUMENTS];
	size_t count;
	char numbers[GRAFT_JOB_PIDS][NUMBER_LEN];
	char *path;
};

static void
put(struct arguments *a, const char *word)
{
	// posix_spawn(3) does not write to them.
	a->argv[a->count++] = (char *)word;
	a->argv[a->count] = NULL;
}

static void
put_pids(struct arguments *a, const pid_t *pids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(a->numbers[i], NUMBER_LEN, "%d", (int)pids[i]);
		put(a, "--pid");
		put(a, a->numbers[i]);
	}
}

/** Put the arguments of a job together. */
GRAFT_MUST_CHECK static struct graft_error *
put_arguments(struct graft_worker *worker, const struct graft_job *job,
	      struct arguments *a)
{
	// Who sleeps is in nothing that is replaced, or not soon out of it.
	const char *wait = job->held ? "0" : "5";
	const struct graft_kept_patch *patch = graft_kept_find(&worker->kept,
							       job->serial);

	_Static_assert(WAIT_S == 5, "the same in words");
	if (patch && asprintf(&a->path, "%s/hotpatches/%s.graft",
			      worker->options->state_dir, patch->id) < 0) {
		a->path = NULL;
		return graft_error_no_memory();
	}
	put(a, worker->options->tool);
	switch (job->kind) {
	case GRAFT_JOB_SYNC:
		put(a, "sync");
		put(a, "--unattended");
		break;
	case GRAFT_JOB_SHOW:
		put(a, "show");
		put(a, a->path);
		break;
	case GRAFT_JOB_APPLY:
		put(a, "apply");
		put(a, a->path);
		break;
	case GRAFT_JOB_REVERT:
		put(a, "revert");
		put(a, job->id);
		break;
	default:
		put(a, "status");
		break;
	}
	put(a, "--json");
	if (job->kind == GRAFT_JOB_SYNC || job->kind == GRAFT_JOB_APPLY ||
	    job->kind == GRAFT_JOB_REVERT) {
		put(a, "--wait");
		put(a, wait);
		put_pids(a, job->pids, job->pid_count);
	}
	return NULL;
}

/** Begin a run. Who it is for is watched from now on: it may crash at once. */
GRAFT_MUST_CHECK static struct graft_error *
begin(struct graft_worker *worker, struct graft_job *job)
{
	GRAFT_FREE struct arguments *a = calloc(1, sizeof(*a));
	uint64_t limit_us = (uint64_t)(job->kind == GRAFT_JOB_SYNC ? SYNC_S
								   : QUICK_S) *
			    GRAFT_SECOND_US;
	uint64_t until_us = graft_clock_monotonic_us() + limit_us;
	bool changes = job->kind == GRAFT_JOB_SYNC ||
		       job->kind == GRAFT_JOB_APPLY;
	struct graft_error *err = NULL;

	if (!a)
		return graft_error_no_memory();
	for (size_t i = 0; !err && changes && i < job->pid_count; i++) {
		const struct graft_table_process *process =
			graft_table_find(&worker->table, job->pids[i]);
		if (worker->options->config->watch_s && process)
			err = graft_watch_add(worker->watch, job->pids[i],
					      process->start_ticks, NULL,
					      until_us);
	}
	if (job->kind == GRAFT_JOB_REVERT && job->user)
		graft_worker_note_taking(worker, job->id, job->user, true);
	if (!err)
		err = put_arguments(worker, job, a);
	if (!err)
		err = graft_tool_start(&job->tool, a->argv,
				       worker->options->state_dir, limit_us);
	// Somebody waits for it, and it is short; or nobody does, while we are urgent.
	if (!err && worker->hold)
		(void)setpriority(PRIO_PROCESS, (id_t)job->tool.pid,
				  job->held ? GRAFT_HOLDING_NICE
					    : worker->nice);
	free(a->path);
	worker->state.runs++;
	return err;
}

bool
graft_worker_is_wanted(const struct graft_worker *worker,
		       const struct graft_table_process *process,
		       const struct graft_table_need *need, uint64_t now_us)
{
	const struct graft_table_need *disk = &process->needs[0];

	if (!graft_table_is_due(need, now_us))
		return false;
	if (need->serial == 0)
		return true;
	// What the disk says comes first, and where it says something, it decides.
	if (disk->what &&
	    (disk->busy || disk->tried != disk->what ||
	     (need->displaced && disk->result != GRAFT_ANSWER_NOTHING)))
		return false;
	const struct graft_kept_patch *patch = graft_kept_find(
		(struct graft_kept *)&worker->kept, need->serial);
	return patch && patch->known && !patch->held && !patch->withheld;
}

void
graft_worker_add_to_job(struct graft_job *job,
			const struct graft_table_process *process,
			struct graft_table_need *need)
{
	job->serial = need->serial;
	job->pids[job->pid_count] = process->pid;
	job->whats[job->pid_count++] = need->what;
	need->busy = true;
	need->tried = need->what;
	need->result = GRAFT_ANSWER_NOTHING;
	need->retry_us = UINT64_MAX;
}

/** Gather who needs the same, whatever the first one needs. */
static void
gather(struct graft_worker *worker, bool sync, struct graft_job *job)
{
	uint64_t now_us = graft_clock_monotonic_us();

	for (size_t i = 0;
	     i < worker->table.count && job->pid_count < GRAFT_JOB_PIDS; i++) {
		struct graft_table_process *process =
			worker->table.processes[i];
		if (graft_worker_is_held(worker, process->pid))
			continue;
		for (size_t k = sync ? 0 : 1;
		     k < (sync ? 1 : process->need_count); k++) {
			struct graft_table_need *need = &process->needs[k];
			if (k >= process->need_count ||
			    (job->pid_count && need->serial != job->serial) ||
			    !graft_worker_is_wanted(worker, process, need,
						    now_us))
				continue;
			graft_worker_add_to_job(job, process, need);
			break;
		}
	}
}

/** Choose a revert that is to go on. @return false: there is none. */
static bool
choose_revert(struct graft_worker *worker, struct graft_job *job)
{
	uint64_t now_us = graft_clock_monotonic_us();

	for (size_t i = 0; i < worker->revert_count; i++) {
		struct graft_reverting *revert = &worker->reverts[i];
		if (now_us < revert->retry_us)
			continue;
		// First it is asked who holds it.
		if (!revert->pid_count) {
			worker->status_wanted = true;
			continue;
		}
		job->kind = GRAFT_JOB_REVERT;
		memcpy(job->id, revert->id, sizeof(job->id));
		job->user = revert->user;
		memcpy(job->pids, revert->pids,
		       revert->pid_count * sizeof(*revert->pids));
		job->pid_count = revert->pid_count;
		revert->pid_count = 0;
		revert->retry_us = now_us;
		return true;
	}
	return false;
}

/** Choose what the quick slot does next. */
static void
choose_quick(struct graft_worker *worker, struct graft_job *job)
{
	struct graft_kept_patch *unknown = graft_kept_unknown(&worker->kept);

	if (choose_revert(worker, job))
		return;
	if (worker->revert_count && worker->status_wanted) {
		worker->status_wanted = false;
		job->kind = GRAFT_JOB_STATUS;
		return;
	}
	if (unknown) {
		job->kind = GRAFT_JOB_SHOW;
		job->serial = unknown->serial;
		unknown->asked = true;
		return;
	}
	if (!worker->state.paused) {
		gather(worker, false, job);
		job->kind = job->pid_count ? GRAFT_JOB_APPLY : GRAFT_JOB_NONE;
	}
	if (!job->kind && worker->status_wanted) {
		worker->status_wanted = false;
		job->kind = GRAFT_JOB_STATUS;
	}
}

struct graft_error *
graft_worker_begin_jobs(struct graft_worker *worker)
{
	struct graft_error *err = NULL;

	if (worker->ending)
		return NULL;
	// From the last: who sleeps comes first.
	for (int slot = GRAFT_JOB_SLOTS - 1; !err && slot >= 0; slot--) {
		struct graft_job *job = &worker->jobs[slot];
		if (job->kind)
			continue;
		job->pid_count = 0;
		job->serial = 0;
		job->held = slot == SLOT_HELD;
		if (slot == SLOT_HELD) {
			graft_worker_choose_asleep(worker, job);
		} else if (slot == SLOT_QUICK) {
			choose_quick(worker, job);
		} else if (!worker->state.paused) {
			gather(worker, true, job);
			job->kind = job->pid_count ? GRAFT_JOB_SYNC
						   : GRAFT_JOB_NONE;
		}
		if (job->kind)
			err = begin(worker, job);
		if (err && graft_error_code(err) == GRAFT_ERROR_OS) {
			// Such as no process to be had: as a run that failed.
			job->tool.running = false;
			graft_text_deinit(&job->tool.out);
			graft_worker_complain(worker, err);
			err = NULL;
			job->tool.running = false;
			job->tool.ended = true;
			job->tool.fd = -1;
		}
	}
	return err;
}

uint64_t
graft_worker_jobs_due(const struct graft_worker *worker)
{
	uint64_t due_us = UINT64_MAX;

	for (int slot = 0; slot < GRAFT_JOB_SLOTS; slot++) {
		const struct graft_job *job = &worker->jobs[slot];
		if (job->kind && job->tool.end_us < due_us)
			due_us = job->tool.end_us;
	}
	for (size_t i = 0; i < worker->revert_count; i++) {
		if (worker->reverts[i].retry_us < due_us)
			due_us = worker->reverts[i].retry_us;
	}
	return due_us;
}
