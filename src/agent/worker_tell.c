// SPDX-License-Identifier: Apache-2.0

// What the worker tells: lines for the journal, its state, metrics.

#include "agent/inside.h"
#include "base/clock.h"
#include "base/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

enum {
	/** How soon the state is told after it changed; how often metrics are written. */
	STATE_US = 50 * 1000,
	METRICS_US = 5 * 1000 * 1000,
	/** How often it is seen what is known of updates; where none are got by itself. */
	UPDATES_US = 2 * 1000 * 1000,
	UPDATES_SELDOM_US = 60 * 1000 * 1000,
};

void
graft_worker_send(struct graft_worker *worker,
		  const struct graft_message *message)
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
	graft_worker_send(worker, &message);
}

void
graft_worker_say_missing(struct graft_worker *worker, struct graft_error *err,
			 const char *what)
{
	graft_worker_log(worker, LOG_WARNING, 0, NULL, "%s: %s",
			 graft_error_message(err), what);
	graft_error_free(err);
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
		graft_worker_say_missing(worker, err, "metrics");
}

/** Tell of an entry of the quarantine, if it is for a user, or for all. */
static void
tell_held(struct graft_agent_state *state,
	  const struct graft_quarantine_entry *entry, bool of_user)
{
	if (entry->released || entry->of_user != of_user)
		return;
	if (of_user)
		state->held_users++;
	else
		state->quarantined++;
	if (state->held_count == GRAFT_AGENT_HELD_MAX)
		return;
	struct graft_quarantine_entry *held = &state->held[state->held_count++];
	*held = *entry;
	held->changes = NULL;
	held->change_count = 0;
	held->taken_us = 0;
}

/** Count what is told. */
static void
count(struct graft_worker *worker)
{
	struct graft_agent_state *state = &worker->state;

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
	state->unhashed = graft_contents_unhashed(worker->contents);
	state->kept = worker->kept.count;
	state->withheld = 0;
	for (size_t i = 0; i < worker->kept.count; i++)
		state->withheld += worker->kept.patches[i].withheld &&
				   !worker->kept.patches[i].held;
	state->watched = graft_watch_count(worker->watch);
	state->marks = worker->marks ? graft_marks_count(worker->marks) : 0;
	state->quarantined = state->held_users = 0;
	state->held_count = 0;
	// What is held for all first: of the others there may be many.
	for (int of_user = 0; of_user < 2; of_user++) {
		for (size_t i = 0; i < worker->quarantine->count; i++)
			tell_held(state, &worker->quarantine->entries[i],
				  of_user != 0);
	}
}

/** Read what is known of updates: graft itself may have looked, too. */
static void
read_updates(struct graft_worker *worker, uint64_t now_us)
{
	const bool update = worker->options->config->update;

	graft_updates_read(&worker->updates, worker->options->state_dir,
			   &worker->state);
	// What an updater left that is no more, or that waits until somebody resumes.
	if (!update || worker->state.paused)
		worker->state.update_next_s = 0;
	worker->updates_us = now_us + (update ? UPDATES_US : UPDATES_SELDOM_US);
}

void
graft_worker_tell(struct graft_worker *worker, uint64_t now_us)
{
	if (now_us >= worker->updates_us) {
		read_updates(worker, now_us);
		worker->counted = true;
	}
	if (now_us >= worker->state_us) {
		worker->counted = true;
		worker->state_us = now_us + STATE_US;
		count(worker);
	}
	if (worker->counted &&
	    memcmp(&worker->state, &worker->sent, sizeof(worker->state)) != 0) {
		GRAFT_FREE struct graft_message *message =
			calloc(1, sizeof(*message));
		if (!message)
			return;
		message->kind = GRAFT_MESSAGE_STATE;
		message->state = worker->state;
		graft_worker_send(worker, message);
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
