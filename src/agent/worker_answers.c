// SPDX-License-Identifier: Apache-2.0

// What came of the runs of graft.

#include "agent/answer.h"
#include "agent/inside.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>

enum {
	/** A run that failed is not tried again before. */
	FAILED_S = 60,
	/** Those that hold what crashed are asked again and again. */
	REVERT_S = 2,
	/** Processes of one run that are named in the journal. */
	NAMED = 8,
	/** Children that were forked by those who were old then. */
	AGAIN_US = 200 * 1000,
};

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

void
graft_worker_complain(struct graft_worker *worker, struct graft_error *err)
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

	// Who was held and refused runs on, and is asked once more.
	if (job->held)
		retry_us = now_us;
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
	if (job->held)
		graft_worker_wake(worker, job, done);
	if (!done)
		return;
	worker->status_wanted = true;
	if (worker->full_us > now_us + AGAIN_US)
		worker->full_us = now_us + AGAIN_US;
}

/** Take who holds what. */
GRAFT_MUST_CHECK static struct graft_error *
take_status(struct graft_worker *worker, const struct graft_answer *answer)
{
	uint64_t now_us = graft_clock_monotonic_us();
	struct graft_error *err = NULL;
	size_t left = 0;

	for (size_t i = 0; i < worker->table.count; i++)
		worker->table.processes[i]->holds = false;
	for (size_t i = 0; !err && i < answer->count; i++) {
		const struct graft_answer_item *item = &answer->items[i];
		struct graft_table_process *process =
			graft_table_find(&worker->table, item->pid);
		if (!process)
			continue;
		process->holds = true;
		err = graft_worker_take_holder(worker, item);
	}
	if (err)
		return err;
	// What nobody holds any more is taken out.
	for (size_t k = 0; k < worker->revert_count; k++) {
		if (worker->reverts[k].pid_count ||
		    now_us < worker->reverts[k].retry_us)
			worker->reverts[left++] = worker->reverts[k];
		else
			graft_worker_log(
				worker, LOG_NOTICE, 0, worker->reverts[k].id,
				worker->reverts[k].user
					? "hotpatch %s is in no process in scope of that user"
					: "hotpatch %s is in no process in scope",
				worker->reverts[k].id);
	}
	worker->revert_count = left;
	return NULL;
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
		if (worker->reverts[k].user == job->user &&
		    strcmp(worker->reverts[k].id, job->id) == 0)
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
		err = take_status(worker, answer);
		break;
	case GRAFT_JOB_REVERT:
		take_revert(worker, job, answer);
		break;
	default:
		take_changes(worker, job, answer);
		break;
	}
	return err;
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
			graft_worker_complain(worker, say_end(job, err));
			fail_all(worker, job);
			err = NULL;
		}
		if (job->kind == GRAFT_JOB_REVERT && job->user)
			graft_worker_note_taking(worker, job->id, job->user,
						 false);
		// Whatever came of it.
		if (job->held)
			graft_worker_wake(worker, job, 0);
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
