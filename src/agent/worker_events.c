// SPDX-License-Identifier: Apache-2.0

// What the worker hears, and the looks that follow.

#include "agent/connector.h"
#include "agent/inside.h"
#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
	/** Events that come together are looked into together. */
	GATHER_US = 50 * 1000,
	/** A program that was just executed has loaded its libraries by then. */
	AGAIN_US = 450 * 1000,
	/** Between two looks where the kernel tells nothing of processes. */
	BLIND_S = 30,
	EVENT_ROOM = 4096,
};

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
take_open(void *arg, pid_t pid, int fd)
{
	struct graft_worker *worker = arg;

	add_pending(worker, pid, true, GATHER_US);
	// One that is no longer marked there, for the holder was started anew.
	if (worker->look.hold)
		graft_hold_mark_again(worker->look.hold, fd);
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

struct graft_error *
graft_worker_take_events(struct graft_worker *worker)
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

struct graft_error *
graft_worker_look_at_all(struct graft_worker *worker)
{
	uint64_t start_us = graft_clock_monotonic_us();
	uint32_t interval_s = worker->options->config->interval_s;
	uint64_t added = worker->table.added;
	bool changed = false;
	struct graft_error *err = graft_kept_scan(
		&worker->kept, worker->options->state_dir, &changed);

	if (err && graft_error_code(err) != GRAFT_ERROR_NO_MEMORY) {
		graft_worker_say_missing(worker, err,
					 "hotpatches that are kept");
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

struct graft_error *
graft_worker_look_at_pending(struct graft_worker *worker)
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

bool
graft_worker_looks_soon(const struct graft_worker *worker)
{
	uint64_t soon_us = graft_clock_monotonic_us() + GATHER_US;

	for (size_t i = 0; i < worker->pending_count; i++) {
		if (worker->pending[i].due_us <= soon_us)
			return true;
	}
	return false;
}

void
graft_worker_take_folders(struct graft_worker *worker)
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

struct graft_error *
graft_worker_begin_events(struct graft_worker *worker)
{
	const char *state_dir = worker->options->state_dir;
	GRAFT_FREE char *kept = NULL;
	struct graft_error *err = graft_connector_open(&worker->connector_fd);

	if (err)
		graft_worker_say_missing(
			worker, err,
			"new processes are found by looks at all, more often");
	err = graft_marks_open(&worker->marks);
	if (err)
		graft_worker_say_missing(
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
