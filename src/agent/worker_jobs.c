// SPDX-License-Identifier: Apache-2.0

// The runs of graft: whom each is for, and what came of it.

#include "agent/answer.h"
#include "agent/inside.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>

enum {
	/** Slots: what compares two builds may take minutes, the rest does not. */
	SLOT_SYNC = 0,
	SLOT_QUICK = 1,
	/** Longest that graft waits for threads; longest that it may take. */
	WAIT_S = 5,
	SYNC_S = 30 * 60,
	QUICK_S = 5 * 60,
	/** A run that failed is not tried again before. */
	FAILED_S = 60,
	/** Those that hold what crashed are asked again and again. */
	REVERT_S = 2,
	/** Processes of one run that are named in the journal. */
	NAMED = 8,
	/** Children that were forked by those who were old then. */
	AGAIN_US = 200 * 1000,
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
	static const char wait[] = "5";
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

/** Get the need of a job in a process, if it is the one that it was begun for. */
static struct graft_table_need *
need_of(const struct graft_worker *worker, const struct graft_job *job,
	size_t at)
{
	struct graft_table_process *process = graft_table_find(&worker->table,
							       job->pids[at]);
	uint32_t serial = job->kind == GRAFT_JOB_SYNC ? 0 : job->serial;

	for (size_t i = 0; process && i < process->need_count; i++) {
		struct graft_table_need *need = &process->needs[i];
		if (need->serial == serial && need->busy &&
		    need->tried == job->whats[at])
			return need;
	}
	return NULL;
}

/** Say what a run came to for one process. */
static void
settle(struct graft_table_need *need, enum graft_answer_result result,
       uint64_t retry_us)
{
	need->result = result;
	need->retry_us = result == GRAFT_ANSWER_REFUSED ? retry_us : UINT64_MAX;
}

/** Say once what is wrong with runs. @param[in] err Taken. */
static void
complain(struct graft_worker *worker, struct graft_error *err)
{
	worker->state.failures++;
	if (strncmp(worker->complaint, graft_error_message(err),
		    sizeof(worker->complaint) - 1) != 0) {
		(void)snprintf(worker->complaint, sizeof(worker->complaint),
			       "%s", graft_error_message(err));
		graft_worker_log(worker, LOG_ERR, 0, NULL, "%s",
				 graft_error_message(err));
	}
	graft_error_free(err);
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
	if (!err)
		err = put_arguments(worker, job, a);
	if (!err)
		err = graft_tool_start(&job->tool, a->argv,
				       worker->options->state_dir, limit_us);
	free(a->path);
	worker->state.runs++;
	return err;
}

/** Is a need one that a run is begun for now? */
static bool
is_wanted(const struct graft_worker *worker,
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

/** Gather who needs the same, whatever the first one needs. */
static void
gather(struct graft_worker *worker, bool sync, struct graft_job *job)
{
	uint64_t now_us = graft_clock_monotonic_us();

	for (size_t i = 0;
	     i < worker->table.count && job->pid_count < GRAFT_JOB_PIDS; i++) {
		struct graft_table_process *process =
			worker->table.processes[i];
		for (size_t k = sync ? 0 : 1;
		     k < (sync ? 1 : process->need_count); k++) {
			struct graft_table_need *need = &process->needs[k];
			if (k >= process->need_count ||
			    (job->pid_count && need->serial != job->serial) ||
			    !is_wanted(worker, process, need, now_us))
				continue;
			job->serial = need->serial;
			job->pids[job->pid_count] = process->pid;
			job->whats[job->pid_count++] = need->what;
			need->busy = true;
			need->tried = need->what;
			need->result = GRAFT_ANSWER_NOTHING;
			need->retry_us = UINT64_MAX;
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
	for (int slot = 0; !err && slot < GRAFT_JOB_SLOTS; slot++) {
		struct graft_job *job = &worker->jobs[slot];
		if (job->kind)
			continue;
		job->pid_count = 0;
		job->serial = 0;
		if (slot == SLOT_QUICK) {
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
			complain(worker, err);
			err = NULL;
			job->tool.running = false;
			job->tool.ended = true;
			job->tool.fd = -1;
		}
	}
	return err;
}

/** All that a run was for could not be done. */
static void
fail_all(struct graft_worker *worker, const struct graft_job *job)
{
	uint64_t interval_s = worker->options->config->interval_s;
	uint64_t retry_us = graft_clock_monotonic_us() +
			    (interval_s > FAILED_S ? interval_s : FAILED_S) *
				    GRAFT_SECOND_US;

	for (size_t i = 0; i < job->pid_count; i++) {
		struct graft_table_need *need =
			job->kind == GRAFT_JOB_REVERT ? NULL
						      : need_of(worker, job, i);
		if (!need)
			continue;
		settle(need, GRAFT_ANSWER_REFUSED, retry_us);
		need->busy = false;
	}
}

/** Say what came of one process. */
static void
log_item(struct graft_worker *worker, const struct graft_answer_item *item,
	 const char *done)
{
	switch (item->result) {
	case GRAFT_ANSWER_DONE:
		graft_worker_log(worker, LOG_NOTICE, item->pid, item->id,
				 "process %d: %s with hotpatch %s",
				 (int)item->pid, done, item->id);
		break;
	case GRAFT_ANSWER_RESTART:
		graft_worker_log(worker, LOG_NOTICE, item->pid, NULL,
				 "process %d needs a restart: %s",
				 (int)item->pid, item->why ? item->why : "");
		break;
	case GRAFT_ANSWER_REFUSED:
		graft_worker_log(worker, LOG_WARNING, item->pid, item->id,
				 "process %d: %s", (int)item->pid,
				 item->why ? item->why : "refused");
		break;
	default:
		break;
	}
}

/** Take what sync or apply did. */
static void
take_changes(struct graft_worker *worker, const struct graft_job *job,
	     const struct graft_answer *answer)
{
	uint64_t now_us = graft_clock_monotonic_us();
	uint64_t retry_us = now_us +
			    (uint64_t)worker->options->config->interval_s *
				    GRAFT_SECOND_US;
	size_t done = 0;
	size_t named = 0;

	for (size_t i = 0; i < answer->count; i++) {
		const struct graft_answer_item *item = &answer->items[i];
		done += item->result == GRAFT_ANSWER_DONE;
		if (item->result != GRAFT_ANSWER_NOTHING && named++ < NAMED)
			log_item(worker, item, "hotpatched");
		for (size_t k = 0; k < job->pid_count; k++) {
			struct graft_table_need *need =
				job->pids[k] == item->pid
					? need_of(worker, job, k)
					: NULL;
			// Of several packages the worst counts.
			if (need && item->result > need->result)
				settle(need, item->result, retry_us);
		}
	}
	if (named > NAMED)
		graft_worker_log(
			worker, LOG_NOTICE, 0, NULL,
			"and %zu processes more, %zu hotpatched in all",
			named - NAMED, done);
	for (size_t k = 0; k < job->pid_count; k++) {
		struct graft_table_need *need = need_of(worker, job, k);
		if (need)
			need->busy = false;
	}
	worker->state.applied += done;
	if (!done)
		return;
	worker->status_wanted = true;
	if (worker->full_us > now_us + AGAIN_US)
		worker->full_us = now_us + AGAIN_US;
}

/** Take who holds what. */
static void
take_status(struct graft_worker *worker, const struct graft_answer *answer)
{
	uint64_t now_us = graft_clock_monotonic_us();
	size_t left = 0;

	for (size_t i = 0; i < worker->table.count; i++)
		worker->table.processes[i]->holds = false;
	for (size_t i = 0; i < answer->count; i++) {
		const struct graft_answer_item *item = &answer->items[i];
		struct graft_table_process *process =
			graft_table_find(&worker->table, item->pid);
		if (!process)
			continue;
		process->holds = true;
		// Whoever got it, and whenever: what is in quarantine goes.
		const struct graft_quarantine_entry *entry =
			graft_quarantine_find(worker->quarantine, item->id);
		if (entry && !entry->released)
			graft_worker_revert(worker, item->id);
		for (size_t k = 0; k < worker->revert_count; k++) {
			struct graft_reverting *revert = &worker->reverts[k];
			if (strcmp(revert->id, item->id) == 0 &&
			    revert->pid_count < GRAFT_JOB_PIDS &&
			    now_us >= revert->retry_us)
				revert->pids[revert->pid_count++] = item->pid;
		}
	}
	// What nobody holds any more is taken out.
	for (size_t k = 0; k < worker->revert_count; k++) {
		if (worker->reverts[k].pid_count ||
		    now_us < worker->reverts[k].retry_us)
			worker->reverts[left++] = worker->reverts[k];
		else
			graft_worker_log(
				worker, LOG_NOTICE, 0, worker->reverts[k].id,
				"hotpatch %s is in no process in scope",
				worker->reverts[k].id);
	}
	worker->revert_count = left;
}

/** Take what a revert did. */
static void
take_revert(struct graft_worker *worker, const struct graft_job *job,
	    const struct graft_answer *answer)
{
	size_t refused = 0;

	for (size_t i = 0; i < answer->count; i++) {
		const struct graft_answer_item *item = &answer->items[i];
		worker->state.reverted += item->result == GRAFT_ANSWER_DONE;
		refused += item->result == GRAFT_ANSWER_REFUSED;
		if (i < NAMED && item->result == GRAFT_ANSWER_DONE)
			graft_worker_log(
				worker, LOG_NOTICE, item->pid, item->id,
				"process %d: hotpatch %s was taken out",
				(int)item->pid, item->id);
		else if (i < NAMED)
			log_item(worker, item, "");
	}
	for (size_t k = 0; refused && k < worker->revert_count; k++) {
		if (strcmp(worker->reverts[k].id, job->id) == 0)
			worker->reverts[k].retry_us =
				graft_clock_monotonic_us() +
				(uint64_t)REVERT_S * GRAFT_SECOND_US;
	}
	worker->status_wanted = true;
}

/** Take what a hotpatch is for. */
static void
take_show(struct graft_worker *worker, const struct graft_job *job,
	  struct graft_answer_patch *what)
{
	struct graft_kept_patch *patch = graft_kept_find(&worker->kept,
							 job->serial);

	if (!patch)
		return;
	patch->what = *what;
	patch->known = strcmp(patch->id, what->id) == 0;
	*what = (struct graft_answer_patch){ 0 };
	if (!patch->known) {
		graft_worker_log(worker, LOG_ERR, 0, patch->id,
				 "the file of hotpatch %s holds another",
				 patch->id);
		graft_answer_patch_deinit(&patch->what);
		return;
	}
	// Processes are held against what is known only when all is.
	if (!graft_kept_unknown(&worker->kept))
		worker->full_us = 0;
}

/** Take what a run printed. */
GRAFT_MUST_CHECK static struct graft_error *
take_answer(struct graft_worker *worker, const struct graft_job *job)
{
	const char *text = graft_text_str(&job->tool.out);
	size_t len = job->tool.out.len;
	GRAFT_CLEANUP(graft_answer_freep) struct graft_answer *answer = NULL;
	GRAFT_CLEANUP(graft_answer_patch_deinit)
	struct graft_answer_patch what = { 0 };
	struct graft_error *err;

	if (job->tool.out.failed)
		return graft_error_no_memory();
	if (job->kind == GRAFT_JOB_SHOW)
		err = graft_answer_parse_show(text, len, &what);
	else if (job->kind == GRAFT_JOB_STATUS)
		err = graft_answer_parse_status(text, len, &answer);
	else if (job->kind == GRAFT_JOB_SYNC)
		err = graft_answer_parse_sync(text, len, &answer);
	else
		err = graft_answer_parse_outcomes(text, len, &answer);
	if (err)
		return err;
	switch (job->kind) {
	case GRAFT_JOB_SHOW:
		take_show(worker, job, &what);
		break;
	case GRAFT_JOB_STATUS:
		take_status(worker, answer);
		break;
	case GRAFT_JOB_REVERT:
		take_revert(worker, job, answer);
		break;
	default:
		take_changes(worker, job, answer);
		break;
	}
	return NULL;
}

/** Say how a run ended that said nothing that can be read. */
GRAFT_MUST_CHECK static struct graft_error *
say_end(const struct graft_job *job, struct graft_error *err)
{
	static const char *const verbs[] = {
		[GRAFT_JOB_SYNC] = "sync",     [GRAFT_JOB_SHOW] = "show",
		[GRAFT_JOB_APPLY] = "apply",   [GRAFT_JOB_STATUS] = "status",
		[GRAFT_JOB_REVERT] = "revert",
	};
	int status = job->tool.status;

	return WIFSIGNALED(status)
		       ? graft_error_prefix(err, "graft %s: signal %d",
					    verbs[job->kind], WTERMSIG(status))
		       : graft_error_prefix(err, "graft %s: exit status %d",
					    verbs[job->kind],
					    WEXITSTATUS(status));
}

struct graft_error *
graft_worker_step_jobs(struct graft_worker *worker)
{
	struct graft_error *err = NULL;

	for (int slot = 0; !err && slot < GRAFT_JOB_SLOTS; slot++) {
		struct graft_job *job = &worker->jobs[slot];
		bool over = job->kind && !job->tool.running;
		if (!over && !graft_tool_step(&job->tool))
			continue;
		err = take_answer(worker, job);
		if (err && graft_error_code(err) != GRAFT_ERROR_NO_MEMORY) {
			complain(worker, say_end(job, err));
			fail_all(worker, job);
			err = NULL;
		}
		job->kind = GRAFT_JOB_NONE;
		graft_tool_deinit(&job->tool);
		if (!err)
			err = graft_worker_read_ledger(worker);
		// Only now it is known what each got.
		for (size_t i = 0; i < job->pid_count; i++)
			graft_watch_settle(worker->watch, job->pids[i]);
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
