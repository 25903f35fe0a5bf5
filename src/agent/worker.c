// SPDX-License-Identifier: Apache-2.0

#include "agent/worker.h"

#include "agent/inside.h"
#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

enum {
	/** How long a run may go on when we are told to end. */
	END_US = 20 * 1000 * 1000,
	/** Requests that are answered before the worker looks at its own work again. */
	REQUESTS_A_ROUND = 16,
};

static void
worker_deinit(struct graft_worker *worker)
{
	for (int i = 0; i < GRAFT_JOB_SLOTS; i++)
		graft_tool_deinit(&worker->jobs[i].tool);
	if (worker->signal_fd >= 0)
		(void)close(worker->signal_fd);
	if (worker->connector_fd >= 0)
		(void)close(worker->connector_fd);
	if (worker->folder_fd >= 0)
		(void)close(worker->folder_fd);
	graft_marks_free(worker->marks);
	graft_hold_free(worker->hold);
	graft_watch_free(worker->watch);
	graft_contents_free(worker->contents);
	graft_kept_deinit(&worker->kept);
	graft_table_deinit(&worker->table);
	graft_quarantine_free(worker->quarantine);
}

static void
worker_freep(struct graft_worker **worker)
{
	if (*worker)
		worker_deinit(*worker);
	free(*worker);
}

/** Set whether anything is hotpatched: a file of the state directory keeps it. */
GRAFT_MUST_CHECK static struct graft_error *
set_paused(struct graft_worker *worker, bool paused)
{
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = NULL;

	if (asprintf(&path, "%s/paused", worker->options->state_dir) < 0)
		return graft_error_no_memory();
	if (paused)
		err = graft_file_write(path, "", 0, 0600);
	else if (unlink(path) < 0 && errno != ENOENT)
		err = graft_error_os(errno, "remove %s", path);
	if (err)
		return err;
	if (paused != (worker->state.paused != 0))
		graft_worker_log(worker, LOG_NOTICE, 0, NULL,
				 paused ? "paused: nothing is hotpatched"
					: "resumed");
	worker->state.paused = paused;
	graft_worker_stop_holding(worker);
	return NULL;
}

/** Look at all now, and try again what was refused. */
static void
sync_now(struct graft_worker *worker)
{
	for (size_t i = 0; i < worker->table.count; i++) {
		struct graft_table_process *process =
			worker->table.processes[i];
		for (size_t k = 0; k < process->need_count; k++) {
			if (process->needs[k].retry_us != UINT64_MAX)
				process->needs[k].retry_us = 0;
		}
	}
	worker->kept.folder_us = 0;
	worker->full_us = 0;
}

/** Do what the front asks for. It may ask for no more than root may. */
GRAFT_MUST_CHECK static struct graft_error *
take_request(struct graft_worker *worker, const struct graft_message *request)
{
	struct graft_message reply = { .kind = GRAFT_MESSAGE_REPLY,
				       .number = request->number };
	struct graft_error *err = NULL;

	switch (request->kind) {
	case GRAFT_MESSAGE_PING:
		break;
	case GRAFT_MESSAGE_SYNC:
		sync_now(worker);
		break;
	case GRAFT_MESSAGE_PAUSE:
	case GRAFT_MESSAGE_RESUME:
		err = set_paused(worker, request->kind == GRAFT_MESSAGE_PAUSE);
		break;
	case GRAFT_MESSAGE_RELEASE:
		err = graft_worker_release(worker, request->id);
		break;
	default:
		return graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"the front sent what only the worker sends");
	}
	if (err && graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
		return err;
	reply.done = !err;
	if (err)
		(void)snprintf(reply.text, sizeof(reply.text), "%s",
			       graft_error_message(err));
	graft_error_free(err);
	graft_worker_send(worker, &reply);
	return NULL;
}

/** Take what the front says. */
GRAFT_MUST_CHECK static struct graft_error *
take_front(struct graft_worker *worker)
{
	struct graft_message message;
	bool got = true;
	struct graft_error *err = NULL;

	// Who asks without pause waits for the rest of the work; the next round goes on.
	for (int i = 0; !err && got && i < REQUESTS_A_ROUND; i++) {
		err = graft_message_receive(worker->options->front_fd, &message,
					    &got);
		if (!err && got)
			err = take_request(worker, &message);
	}
	return err;
}

/** Take signals: children that ended are waited for elsewhere. */
static void
take_signals(struct graft_worker *worker)
{
	struct signalfd_siginfo info;

	while (read(worker->signal_fd, &info, sizeof(info)) ==
	       (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD || worker->ending)
			continue;
		worker->ending = true;
		worker->ending_us = graft_clock_monotonic_us() + END_US;
	}
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/** Compute how long nothing is due, in milliseconds. */
static int
time_left(const struct graft_worker *worker)
{
	uint64_t now_us = graft_clock_monotonic_us();
	uint64_t due_us = earlier(worker->folder_us, worker->metrics_us);

	if (worker->ending)
		return 100;
	due_us = earlier(due_us, worker->full_us);
	due_us = earlier(due_us, worker->updates_us);
	due_us = earlier(due_us, graft_worker_jobs_due(worker));
	if (worker->hold)
		due_us = earlier(due_us, graft_hold_due_us(worker->hold));
	for (size_t i = 0; i < worker->asleep_count; i++) {
		if (!worker->asleep[i].busy)
			due_us = earlier(due_us, worker->asleep[i].until_us);
	}
	for (size_t i = 0; i < worker->pending_count; i++)
		due_us = earlier(due_us, worker->pending[i].due_us);
	if (!worker->counted)
		due_us = earlier(due_us, worker->state_us);
	// Those that are watched are forgotten when their time is over.
	if (graft_watch_count(worker->watch))
		due_us = earlier(due_us, now_us + GRAFT_SECOND_US);
	if (due_us <= now_us)
		return 0;
	uint64_t left_ms = (due_us - now_us + 999) / 1000;
	return left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

/** Wait until something happens or is due. */
static void
wait_for_something(struct graft_worker *worker)
{
	struct pollfd fds[7 + GRAFT_JOB_SLOTS];
	const int all[] = {
		worker->options->front_fd,
		worker->signal_fd,
		graft_worker_looks_soon(worker) ? -1 : worker->connector_fd,
		worker->folder_fd,
		worker->marks ? graft_marks_fd(worker->marks) : -1,
		graft_watch_fd(worker->watch),
		worker->hold ? graft_hold_fd(worker->hold) : -1,
	};
	size_t count = 0;

	for (; count < sizeof(all) / sizeof(*all); count++)
		fds[count] = (struct pollfd){ .fd = all[count],
					      .events = POLLIN };
	for (int i = 0; i < GRAFT_JOB_SLOTS; i++)
		fds[count++] =
			(struct pollfd){ .fd = worker->jobs[i].tool.running
						       ? worker->jobs[i].tool.fd
						       : -1,
					 .events = POLLIN };
	(void)poll(fds, count, time_left(worker));
	// Whatever it was, numbers may be others by now.
	worker->counted = false;
}

/** See that the updater lives: without it there would be no releases, and nobody would know. */
GRAFT_MUST_CHECK static struct graft_error *
check_updater(const struct graft_worker *worker)
{
	const pid_t pid = worker->options->updater;

	if (pid < 0 || worker->ending || waitpid(pid, NULL, WNOHANG) != pid)
		return NULL;
	return graft_error_new(GRAFT_ERROR_OS, "the updater has ended");
}

/** Take all that happened. */
GRAFT_MUST_CHECK static struct graft_error *
take_all(struct graft_worker *worker)
{
	struct graft_error *err;

	take_signals(worker);
	err = check_updater(worker);
	if (err)
		return err;
	graft_worker_take_folders(worker);
	err = take_front(worker);
	if (!err)
		err = graft_worker_take_events(worker);
	if (!err)
		err = graft_worker_take_asleep(worker);
	if (!err)
		err = graft_worker_step_jobs(worker);
	if (!err)
		err = graft_worker_check_health(worker);
	return err;
}

/** Do all that is due. */
GRAFT_MUST_CHECK static struct graft_error *
do_all(struct graft_worker *worker)
{
	uint64_t now_us = graft_clock_monotonic_us();
	struct graft_error *err = NULL;

	if (now_us >= worker->folder_us) {
		bool changed = false;
		worker->folder_us = UINT64_MAX;
		err = graft_worker_read_ledger(worker);
		if (!err)
			err = graft_kept_scan(&worker->kept,
					      worker->options->state_dir,
					      &changed);
		if (err && graft_error_code(err) == GRAFT_ERROR_OS) {
			graft_worker_say_missing(worker, err,
						 "hotpatches that are kept");
			err = NULL;
		}
	}
	if (!err && now_us >= worker->full_us)
		err = graft_worker_look_at_all(worker);
	if (!err)
		err = graft_worker_look_at_pending(worker);
	if (!err)
		err = graft_worker_begin_jobs(worker);
	if (!err)
		graft_worker_tell(worker, now_us);
	return err;
}

/** Say whether runs are still going on. */
static bool
is_busy(const struct graft_worker *worker)
{
	for (int i = 0; i < GRAFT_JOB_SLOTS; i++) {
		if (worker->jobs[i].kind)
			return true;
	}
	return false;
}

GRAFT_MUST_CHECK static struct graft_error *
begin_signals(struct graft_worker *worker)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	worker->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return worker->signal_fd < 0 ? graft_error_os(errno, "signalfd") : NULL;
}

/** Read what is in the state directory, and make ready. */
GRAFT_MUST_CHECK static struct graft_error *
begin(struct graft_worker *worker)
{
	const struct graft_worker_options *options = worker->options;
	GRAFT_FREE char *paused = NULL;
	struct graft_error *err = begin_signals(worker);

	if (!err)
		err = graft_quarantine_read(options->state_dir,
					    &worker->quarantine);
	// A run for a user that a graftd before us did not see the end of.
	if (!err)
		graft_worker_note_taking(worker, NULL, 0, false);
	if (!err)
		err = graft_worker_begin_events(worker);
	if (!err)
		err = graft_contents_new(&worker->contents);
	if (err)
		return err;
	if (asprintf(&paused, "%s/paused", options->state_dir) < 0)
		return graft_error_no_memory();
	worker->state.paused = access(paused, F_OK) == 0;
	worker->state.start_s = graft_clock_now_us() / GRAFT_SECOND_US;
	worker->state.connector = worker->connector_fd >= 0;
	worker->folder_us = UINT64_MAX;
	worker->metrics_us = UINT64_MAX;
	worker->status_wanted = true;
	worker->look = (struct graft_look){
		.scope = options->scope,
		.kept = &worker->kept,
		.contents = worker->contents,
		.marks = worker->marks,
		.table = &worker->table,
		.sync = options->config->sync,
	};
	err = graft_worker_begin_holding(worker);
	if (err)
		return err;
	return graft_worker_read_ledger(worker);
}

struct graft_error *
graft_worker_run(const struct graft_worker_options *options)
{
	GRAFT_CLEANUP(worker_freep)
	struct graft_worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return graft_error_no_memory();
	worker->options = options;
	worker->signal_fd = worker->connector_fd = worker->folder_fd = -1;
	struct graft_error *err = begin(worker);
	while (!err) {
		if (worker->ending &&
		    (!is_busy(worker) ||
		     graft_clock_monotonic_us() >= worker->ending_us))
			return NULL;
		err = do_all(worker);
		if (err)
			break;
		wait_for_something(worker);
		err = take_all(worker);
	}
	return err;
}
