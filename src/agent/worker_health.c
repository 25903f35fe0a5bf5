// SPDX-License-Identifier: Apache-2.0

// The health of what was hotpatched: the ledger says who got what, the watch who died of
// it, the quarantine keeps it out.

#include "agent/inside.h"
#include "base/clock.h"
#include "host/owner.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

enum {
	/** Rows that are read when we start: of the last minutes. */
	FIRST_ROWS = 4096,
};

/** Watch a process that the ledger says was hotpatched. */
GRAFT_MUST_CHECK static struct graft_error *
watch_entry(struct graft_worker *worker, const struct graft_ledger_entry *entry)
{
	uint64_t watch_us = (uint64_t)worker->options->config->watch_s *
			    GRAFT_SECOND_US;
	uint64_t since_us = entry->finish_us ? entry->finish_us
					     : entry->time_us;
	uint64_t now_us = graft_clock_now_us();
	uint64_t age_us = now_us > since_us ? now_us - since_us : 0;

	if (entry->verb != GRAFT_LEDGER_APPLY ||
	    entry->outcome == GRAFT_LEDGER_UNDONE || age_us >= watch_us)
		return NULL;
	return graft_watch_add(worker->watch, entry->pid, entry->start_ticks,
			       entry->patch_id,
			       graft_clock_monotonic_us() + watch_us - age_us);
}

/** Read the rows that are new. */
GRAFT_MUST_CHECK static struct graft_error *
read_rows(struct graft_worker *worker, struct graft_ledger *ledger)
{
	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = NULL;
	int64_t newest;
	struct graft_error *err = graft_ledger_find_newest(ledger, &newest);

	if (err)
		return err;
	// The ledger was lost, and another one begun.
	if (newest < worker->ledger_row)
		worker->ledger_row = 0;
	if (!worker->ledger_read && newest > FIRST_ROWS)
		worker->ledger_row = newest - FIRST_ROWS;
	worker->ledger_read = true;
	if (newest == worker->ledger_row)
		return NULL;
	const struct graft_ledger_query query = { .after = worker->ledger_row };
	err = graft_ledger_find(ledger, &query, &list);
	for (size_t i = 0; !err && i < list->count; i++)
		err = watch_entry(worker, &list->entries[i]);
	if (!err)
		worker->ledger_row = newest;
	worker->status_wanted = true;
	return err;
}

struct graft_error *
graft_worker_read_ledger(struct graft_worker *worker)
{
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;
	struct graft_error *err = graft_ledger_open(worker->options->state_dir,
						    true, &ledger);

	if (!err && worker->options->config->watch_s)
		err = read_rows(worker, ledger);
	if (!err)
		err = graft_kept_refresh(&worker->kept, ledger,
					 worker->quarantine);
	if (!err || graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
		return err;
	// `graft` itself refuses to work with it, so nothing is applied either.
	graft_worker_log(worker, LOG_ERR, 0, NULL, "%s",
			 graft_error_message(err));
	graft_error_free(err);
	return NULL;
}

/** Is a hotpatch held for a user, or, with @p others, for another one? */
static bool
is_held_for(const struct graft_worker *worker,
	    const struct graft_quarantine_entry *entry, uid_t uid, bool others)
{
	const struct graft_quarantine_entry *at = NULL;

	while ((at = graft_quarantine_next_user(worker->quarantine, at,
						entry->id, entry->changes,
						entry->change_count))) {
		if ((at->uid == uid) != others)
			return true;
	}
	return false;
}

/** Say who crashed, and what follows. */
static void
say_crash(struct graft_worker *worker,
	  const struct graft_quarantine_entry *entry, uid_t owner)
{
	const char *id = entry->id;

	if (entry->of_user)
		graft_worker_log(
			worker, LOG_CRIT, entry->pid, id,
			"process %d (%s) of user %u died of signal %d soon after it got hotpatch %s: it goes into quarantine for that user, and is taken out of his processes; graft daemon release %s lets it be applied again",
			(int)entry->pid, entry->comm, (unsigned)owner,
			entry->signal, id, id);
	else
		graft_worker_log(
			worker, LOG_CRIT, entry->pid, id,
			"process %d (%s) died of signal %d soon after it got hotpatch %s: it goes into quarantine and is taken out of all others%s; graft daemon release %s lets it be applied again",
			(int)entry->pid, entry->comm, entry->signal, id,
			owner ? ", for it is the second user whose processes do"
			      : "",
			id);
}

/**
 * Put a hotpatch into quarantine: for all if the process was root's, or if those of another
 * user crashed too; else for its user alone, who may have brought it on.
 */
GRAFT_MUST_CHECK static struct graft_error *
hold(struct graft_worker *worker, const struct graft_watch_process *process,
     const char *id, int signal)
{
	const struct graft_kept_patch *patch = graft_kept_find_id(&worker->kept,
								  id);
	struct graft_quarantine_change changes[GRAFT_QUARANTINE_CHANGES_MAX];
	struct graft_quarantine_entry entry = {
		.time_us = graft_clock_now_us(),
		.pid = process->pid,
		.signal = signal,
		.changes = changes,
	};
	const struct graft_quarantine_entry *was =
		graft_quarantine_find(worker->quarantine, id);

	if (was && !was->released)
		return NULL;
	memcpy(entry.id, id, sizeof(entry.id));
	memcpy(entry.comm, process->comm, sizeof(entry.comm));
	for (size_t i = 0;
	     patch && i < patch->what.count && i < GRAFT_QUARANTINE_CHANGES_MAX;
	     i++)
		changes[entry.change_count++] = patch->what.modules[i].change;
	entry.of_user = process->owner &&
			!is_held_for(worker, &entry, process->owner, true);
	entry.uid = entry.of_user ? process->owner : 0;
	worker->state.crashes++;
	// One that was forked since by who still has it.
	if (entry.of_user && is_held_for(worker, &entry, entry.uid, false)) {
		graft_worker_revert(worker, id, entry.uid);
		return NULL;
	}
	say_crash(worker, &entry, process->owner);
	struct graft_error *err = graft_quarantine_set(worker->quarantine,
						       &entry);
	if (!err)
		err = graft_quarantine_write(worker->options->state_dir,
					     worker->quarantine);
	// Even if it cannot be written down it is taken out.
	graft_worker_revert(worker, id, entry.uid);
	return err;
}

/** Was a hotpatch switched in a process after all? What was undone is not to blame. */
GRAFT_MUST_CHECK static struct graft_error *
had(struct graft_worker *worker, const struct graft_watch_process *process,
    const char *id, bool *ret)
{
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;
	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = NULL;
	const struct graft_ledger_query query = { .pid = process->pid,
						  .patch_id = id };
	struct graft_error *err = graft_ledger_open(worker->options->state_dir,
						    true, &ledger);

	*ret = false;
	if (!err)
		err = graft_ledger_find(ledger, &query, &list);
	for (size_t i = 0; !err && i < list->count; i++) {
		const struct graft_ledger_entry *entry = &list->entries[i];
		if (entry->start_ticks == process->start_ticks &&
		    entry->outcome != GRAFT_LEDGER_UNDONE)
			*ret = entry->verb == GRAFT_LEDGER_APPLY;
	}
	return err;
}

/** A process crashed that had hotpatches. */
GRAFT_MUST_CHECK static struct graft_error *
take_crash(struct graft_worker *worker,
	   const struct graft_watch_process *process, int signal)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < process->id_count; i++) {
		bool so = true;
		err = had(worker, process, process->ids[i], &so);
		// Without the ledger the worse is taken to be so.
		if (err && graft_error_code(err) != GRAFT_ERROR_NO_MEMORY) {
			graft_error_free(err);
			err = NULL;
			so = true;
		}
		if (!err && so)
			err = hold(worker, process, process->ids[i], signal);
		if (err && graft_error_code(err) != GRAFT_ERROR_NO_MEMORY) {
			graft_worker_log(worker, LOG_ERR, 0, process->ids[i],
					 "quarantine: %s",
					 graft_error_message(err));
			graft_error_free(err);
			err = NULL;
		}
	}
	return err;
}

/** Those that have ended, until they are looked into. */
struct dead {
	struct graft_worker *worker;
	struct graft_error *err;
};

static void
take_dead(void *arg, const struct graft_watch_process *process, int signal)
{
	struct dead *dead = arg;

	if (dead->err)
		return;
	if (graft_watch_is_crash(signal))
		dead->err = take_crash(dead->worker, process, signal);
	else if (signal == GRAFT_WATCH_UNKNOWN && process->id_count)
		graft_worker_log(
			dead->worker, LOG_WARNING, process->pid,
			process->ids[0],
			"process %d (%s) ended soon after it was hotpatched; the kernel does not say why",
			(int)process->pid, process->comm);
}

struct graft_error *
graft_worker_check_health(struct graft_worker *worker)
{
	struct dead dead = { .worker = worker };
	struct pollfd poll_fd = { .fd = graft_watch_fd(worker->watch),
				  .events = POLLIN };

	if (poll(&poll_fd, 1, 0) > 0) {
		// Who died at once may stand in the ledger and nowhere else.
		struct graft_error *err = graft_worker_read_ledger(worker);
		if (err)
			return err;
		graft_watch_take(worker->watch, take_dead, &dead);
	}
	graft_watch_expire(worker->watch, graft_clock_monotonic_us());
	return dead.err;
}

void
graft_worker_note_death(struct graft_worker *worker, pid_t pid, pid_t parent,
			int signal)
{
	uid_t owner = 0;

	graft_watch_note_signal(worker->watch, pid, signal);
	const struct graft_watch_process *above =
		graft_watch_find(worker->watch, parent);
	if (!above || !graft_watch_is_crash(signal) ||
	    graft_watch_find(worker->watch, pid))
		return;
	// A child that was forked since has the same hotpatches, and is in no ledger. Whose
	// it is can be read until its parent has waited for it: first of all.
	struct graft_error *err = graft_owner_read(pid, &owner);
	const bool known = !err;
	graft_error_free(err);
	// What its parent got may only just have been written.
	err = graft_worker_read_ledger(worker);
	if (!err)
		above = graft_watch_find(worker->watch, parent);
	if (!err && above) {
		struct graft_watch_process process = *above;
		if (owner)
			process.owner = owner;
		if (known || process.owner)
			err = take_crash(worker, &process, signal);
		else
			graft_worker_log(
				worker, LOG_WARNING, pid, process.ids[0],
				"process %d, forked by %d (%s), died of signal %d; nobody can say whose it was: it does not count",
				(int)pid, (int)process.pid, process.comm,
				signal);
	}
	if (err) {
		graft_worker_log(worker, LOG_ERR, pid, NULL, "%s",
				 graft_error_message(err));
		graft_error_free(err);
	}
}

struct graft_error *
graft_worker_release(struct graft_worker *worker, const char *id)
{
	const struct graft_quarantine_entry *was =
		graft_quarantine_find(worker->quarantine, id);
	const struct graft_kept_patch *patch = graft_kept_find_id(&worker->kept,
								  id);
	struct graft_quarantine_entry entry = {
		.released = true,
		.time_us = graft_clock_now_us(),
	};
	const bool held = (was && !was->released) ||
			  graft_quarantine_next_user(worker->quarantine, NULL,
						     id, NULL, 0);

	if (!held && !(patch && patch->withheld))
		return graft_error_new(
			GRAFT_ERROR_NOT_FOUND,
			"hotpatch %s is neither in quarantine nor withheld",
			id);
	for (size_t i = 0; i < worker->revert_count; i++) {
		if (strcmp(worker->reverts[i].id, id) == 0)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"hotpatch %s is still being taken out", id);
	}
	memcpy(entry.id, id, sizeof(entry.id));
	struct graft_error *err = graft_quarantine_set(worker->quarantine,
						       &entry);
	if (!err)
		err = graft_quarantine_write(worker->options->state_dir,
					     worker->quarantine);
	if (!err)
		err = graft_worker_read_ledger(worker);
	if (err)
		return err;
	graft_worker_log(worker, LOG_NOTICE, 0, id,
			 "hotpatch %s may be applied again", id);
	// What was tried and refused because of it is tried again.
	for (size_t i = 0; i < worker->table.count; i++) {
		struct graft_table_process *process =
			worker->table.processes[i];
		for (size_t k = 0; k < process->need_count; k++)
			process->needs[k].tried = 0;
	}
	worker->full_us = 0;
	return NULL;
}
