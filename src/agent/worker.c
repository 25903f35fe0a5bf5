// SPDX-License-Identifier: Apache-2.0

#include "agent/worker.h"

#include "agent/connector.h"
#include "agent/inside.h"
#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <unistd.h>

enum {
	/** Events that come together are looked into together. */
	GATHER_US = 50 * 1000,
	/** A program that was just executed has loaded its libraries by then. */
	AGAIN_US = 450 * 1000,
	/** How soon the state is told after it changed; how often metrics are written. */
	STATE_US = 50 * 1000,
	METRICS_US = 5 * 1000 * 1000,
	/** Between two looks where the kernel tells nothing of processes. */
	BLIND_S = 30,
	/** How long a run may go on when we are told to end. */
	END_US = 20 * 1000 * 1000,
	EVENT_ROOM = 4096,
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

/** Send a message. Who does not keep up loses it. */
static void
send_message(struct graft_worker *worker, const struct graft_message *message)
{
	bool sent;
	struct graft_error *err = graft_message_send(worker->options->front_fd,
						     message, &sent);

	// That the front has ended is seen where its messages are read.
	graft_error_free(err);
}

void
graft_worker_log(struct graft_worker *worker, int priority, pid_t pid,
		 const char *id, const char *fmt, ...)
{
	struct graft_message message = {
		.kind = GRAFT_MESSAGE_LOG,
		.priority = (uint8_t)priority,
		.pid = pid > 0 ? (uint32_t)pid : 0,
	};
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text safe = { 0 };
	char text[GRAFT_MESSAGE_TEXT_MAX + 1];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	// Names of others are in it.
	graft_text_put_safe(&safe, text);
	(void)snprintf(message.text, sizeof(message.text), "%s",
		       graft_text_str(&safe));
	if (id)
		(void)snprintf(message.id, sizeof(message.id), "%s", id);
	send_message(worker, &message);
}

/** Say that something could not be had, and go on. @param[in] err Taken. */
static void
say_missing(struct graft_worker *worker, struct graft_error *err,
	    const char *what)
{
	graft_worker_log(worker, LOG_WARNING, 0, NULL, "%s: %s",
			 graft_error_message(err), what);
	graft_error_free(err);
}

/** Round a moment up, so that what comes in a row is due at once. */
static uint64_t
in_step(uint64_t time_us)
{
	return (time_us + GATHER_US - 1) / GATHER_US * GATHER_US;
}

/** Look at a process soon, because something happened to it. */
static void
add_pending(struct graft_worker *worker, pid_t pid, bool again,
	    uint64_t delay_us)
{
	uint64_t due_us = in_step(graft_clock_monotonic_us() + delay_us);

	for (size_t i = 0; i < worker->pending_count; i++) {
		if (worker->pending[i].pid == pid) {
			worker->pending[i].again |= again;
			return;
		}
	}
	if (worker->pending_count == GRAFT_PENDING) {
		if (worker->full_us > due_us)
			worker->full_us = due_us;
		return;
	}
	worker->pending[worker->pending_count++] = (struct graft_pending){
		.pid = pid, .due_us = due_us, .again = again
	};
}

static void
take_open(void *arg, pid_t pid)
{
	add_pending(arg, pid, true, GATHER_US);
}

static void
take_event(void *arg, const struct graft_connector_event *event)
{
	struct graft_worker *worker = arg;

	if (event->signal == 0)
		add_pending(worker, event->pid, true, GATHER_US);
	else
		graft_worker_note_death(worker, event->pid, event->parent,
					event->signal);
}

/** Something was lost: only a look at all can tell what. */
static void
take_loss(struct graft_worker *worker)
{
	worker->state.overruns++;
	worker->full_us = 0;
}

/** Take what the kernel told of processes and files. */
GRAFT_MUST_CHECK static struct graft_error *
take_events(struct graft_worker *worker)
{
	bool lost = false;
	struct graft_error *err = NULL;

	if (worker->connector_fd >= 0)
		err = graft_connector_take(worker->connector_fd, take_event,
					   worker, &lost);
	if (lost)
		take_loss(worker);
	lost = false;
	if (!err && worker->marks)
		err = graft_marks_take(worker->marks, take_open, worker, &lost);
	if (lost)
		take_loss(worker);
	return err;
}

/** Look at all processes, and at what is kept. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_all(struct graft_worker *worker)
{
	uint64_t start_us = graft_clock_monotonic_us();
	uint32_t interval_s = worker->options->config->interval_s;
	uint64_t added = worker->table.added;
	bool changed = false;
	struct graft_error *err = graft_kept_scan(
		&worker->kept, worker->options->state_dir, &changed);

	if (err && graft_error_code(err) != GRAFT_ERROR_NO_MEMORY) {
		say_missing(worker, err, "hotpatches that are kept");
		err = NULL;
	}
	if (!err && changed)
		err = graft_worker_read_ledger(worker);
	if (!err)
		err = graft_look_at_all(&worker->look);
	if (err)
		return err;
	if (worker->connector_fd < 0 && interval_s > BLIND_S)
		interval_s = BLIND_S;
	uint64_t end_us = graft_clock_monotonic_us();
	worker->full_us = end_us + (uint64_t)interval_s * GRAFT_SECOND_US;
	worker->state.look_s = graft_clock_now_us() / GRAFT_SECOND_US;
	worker->state.look_us = end_us - start_us;
	worker->state.looks++;
	// Who was forked by one that holds a hotpatch has it too.
	worker->status_wanted |= worker->state.hotpatched > 0 &&
				 worker->table.added != added;
	return NULL;
}

/** Look at the processes whose time has come. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_pending(struct graft_worker *worker)
{
	uint64_t now_us = graft_clock_monotonic_us();
	GRAFT_FREE pid_t *pids = NULL;
	size_t count = 0;
	size_t left = 0;

	for (size_t i = 0; i < worker->pending_count; i++)
		count += worker->pending[i].due_us <= now_us;
	if (!count)
		return NULL;
	pids = calloc(count, sizeof(*pids));
	if (!pids)
		return graft_error_no_memory();
	count = 0;
	for (size_t i = 0; i < worker->pending_count; i++) {
		struct graft_pending one = worker->pending[i];
		if (one.due_us <= now_us) {
			pids[count++] = one.pid;
			if (!one.again)
				continue;
			one.again = false;
			one.due_us = in_step(now_us + AGAIN_US);
		}
		worker->pending[left++] = one;
	}
	worker->pending_count = left;
	worker->state.event_looks++;
	return graft_look_at_some(&worker->look, pids, count);
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
	send_message(worker, &reply);
	return NULL;
}

/** Take what the front says. */
GRAFT_MUST_CHECK static struct graft_error *
take_front(struct graft_worker *worker)
{
	struct graft_message message;
	bool got = true;
	struct graft_error *err = NULL;

	while (!err && got) {
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

/** Take what changed in the folders of the ledger and of what is kept. */
static void
take_folders(struct graft_worker *worker)
{
	char bytes[EVENT_ROOM];

	if (worker->folder_fd < 0)
		return;
	bool any = false;
	while (read(worker->folder_fd, bytes, sizeof(bytes)) > 0)
		any = true;
	if (any && worker->folder_us == UINT64_MAX)
		worker->folder_us = graft_clock_monotonic_us() + GATHER_US;
}

/** Write the metrics beside, and rename them: who collects reads all or nothing. */
static void
write_metrics(struct graft_worker *worker)
{
	const char *path = worker->options->config->metrics_file;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_agent_state_put_metrics(&worker->state, &text);
	struct graft_error *err =
		text.failed ? graft_error_no_memory()
			    : graft_file_write(path, graft_text_str(&text),
					       text.len, 0644);
	if (err)
		say_missing(worker, err, "metrics");
}

/** Tell the state, if it has changed. */
static void
tell_state(struct graft_worker *worker, uint64_t now_us)
{
	if (now_us >= worker->state_us) {
		worker->counted = true;
		worker->state_us = now_us + STATE_US;
		graft_worker_count(worker);
	}
	if (worker->counted &&
	    memcmp(&worker->state, &worker->sent, sizeof(worker->state)) != 0) {
		GRAFT_FREE struct graft_message *message =
			calloc(1, sizeof(*message));
		if (!message)
			return;
		message->kind = GRAFT_MESSAGE_STATE;
		message->state = worker->state;
		send_message(worker, message);
		worker->sent = worker->state;
		if (worker->metrics_us == UINT64_MAX &&
		    worker->options->config->metrics_file)
			worker->metrics_us = now_us;
	}
	if (now_us >= worker->metrics_us) {
		write_metrics(worker);
		worker->metrics_us = UINT64_MAX;
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
	due_us = earlier(due_us, graft_worker_jobs_due(worker));
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

/** Are processes looked at so soon that what the kernel tells may wait till then? */
static bool
looks_soon(const struct graft_worker *worker)
{
	uint64_t soon_us = graft_clock_monotonic_us() + GATHER_US;

	for (size_t i = 0; i < worker->pending_count; i++) {
		if (worker->pending[i].due_us <= soon_us)
			return true;
	}
	return false;
}

/** Wait until something happens or is due. */
static void
wait_for_something(struct graft_worker *worker)
{
	struct pollfd fds[6 + GRAFT_JOB_SLOTS];
	const int all[] = {
		worker->options->front_fd,
		worker->signal_fd,
		looks_soon(worker) ? -1 : worker->connector_fd,
		worker->folder_fd,
		worker->marks ? graft_marks_fd(worker->marks) : -1,
		graft_watch_fd(worker->watch),
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

/** Take all that happened. */
GRAFT_MUST_CHECK static struct graft_error *
take_all(struct graft_worker *worker)
{
	struct graft_error *err;

	take_signals(worker);
	take_folders(worker);
	err = take_front(worker);
	if (!err)
		err = take_events(worker);
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
			say_missing(worker, err, "hotpatches that are kept");
			err = NULL;
		}
	}
	if (!err && now_us >= worker->full_us)
		err = look_at_all(worker);
	if (!err)
		err = look_at_pending(worker);
	if (!err)
		err = graft_worker_begin_jobs(worker);
	if (!err)
		tell_state(worker, now_us);
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

/** Ask the kernel to be told of things. What it does not tell, looks find. */
GRAFT_MUST_CHECK static struct graft_error *
begin_events(struct graft_worker *worker)
{
	const char *state_dir = worker->options->state_dir;
	GRAFT_FREE char *kept = NULL;
	struct graft_error *err = graft_connector_open(&worker->connector_fd);

	if (err)
		say_missing(
			worker, err,
			"new processes are found by looks at all, more often");
	err = graft_marks_open(&worker->marks);
	if (err)
		say_missing(
			worker, err,
			"libraries that are opened late are found by looks at all");
	if (asprintf(&kept, "%s/hotpatches", state_dir) < 0)
		return graft_error_no_memory();
	err = graft_dir_make(kept, 0700);
	if (err)
		return err;
	worker->folder_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (worker->folder_fd >= 0) {
		(void)inotify_add_watch(worker->folder_fd, state_dir,
					IN_MODIFY | IN_MOVED_TO);
		(void)inotify_add_watch(worker->folder_fd, kept,
					IN_MOVED_TO | IN_DELETE);
	}
	return graft_watch_new(&worker->watch);
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
	if (!err)
		err = begin_events(worker);
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
	return graft_worker_read_ledger(worker);
}

void
graft_worker_count(struct graft_worker *worker)
{
	struct graft_agent_state *state = &worker->state;
	const struct graft_quarantine *quarantine = worker->quarantine;

	state->processes = worker->table.count;
	state->hotpatched = state->restart = state->refused = 0;
	for (size_t i = 0; i < worker->table.count; i++) {
		const struct graft_table_process *process =
			worker->table.processes[i];
		bool restart = false;
		bool refused = false;
		for (size_t k = 0; k < process->need_count; k++) {
			const struct graft_table_need *need =
				&process->needs[k];
			bool now = need->what && need->tried == need->what;
			restart |= now && need->result == GRAFT_ANSWER_RESTART;
			refused |= now && need->result == GRAFT_ANSWER_REFUSED;
		}
		state->hotpatched += process->holds;
		state->restart += restart;
		state->refused += refused;
	}
	state->unseen = worker->look.unseen;
	state->kept = worker->kept.count;
	state->withheld = 0;
	for (size_t i = 0; i < worker->kept.count; i++)
		state->withheld += worker->kept.patches[i].withheld &&
				   !worker->kept.patches[i].held;
	state->watched = graft_watch_count(worker->watch);
	state->marks = worker->marks ? graft_marks_count(worker->marks) : 0;
	state->quarantined = 0;
	state->held_count = 0;
	for (size_t i = 0; i < quarantine->count; i++) {
		if (quarantine->entries[i].released)
			continue;
		state->quarantined++;
		if (state->held_count == GRAFT_AGENT_HELD_MAX)
			continue;
		struct graft_quarantine_entry *held =
			&state->held[state->held_count++];
		*held = quarantine->entries[i];
		held->changes = NULL;
		held->change_count = 0;
	}
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
