// SPDX-License-Identifier: Apache-2.0

// Hotpatches on their way out: out of all processes, or out of those of one user.

#include "agent/inside.h"
#include "base/clock.h"
#include "host/owner.h"

#include <string.h>
#include <syslog.h>

/** Forget a revert. */
static void
drop(struct graft_worker *worker, size_t at)
{
	worker->revert_count--;
	memmove(worker->reverts + at, worker->reverts + at + 1,
		(worker->revert_count - at) * sizeof(*worker->reverts));
}

/** Is it on its way out already? What is for users alone makes way for what is for all. */
static bool
is_begun(struct graft_worker *worker, const char *id, uid_t user)
{
	for (size_t i = worker->revert_count; i > 0; i--) {
		const struct graft_reverting *revert = &worker->reverts[i - 1];
		if (strcmp(revert->id, id) != 0)
			continue;
		if (revert->user == 0 || revert->user == user)
			return true;
		if (user == 0)
			drop(worker, i - 1);
	}
	return false;
}

/** Make room for a revert for all: one for a user comes later, for his processes are asked
 * again who holds what. */
static void
make_room(struct graft_worker *worker)
{
	for (size_t i = worker->revert_count;
	     i > 0 && worker->revert_count == GRAFT_REVERTS; i--) {
		if (worker->reverts[i - 1].user)
			drop(worker, i - 1);
	}
}

void
graft_worker_revert(struct graft_worker *worker, const char *id, uid_t user)
{
	worker->status_wanted = true;
	if (is_begun(worker, id, user))
		return;
	if (user == 0)
		make_room(worker);
	if (worker->revert_count == GRAFT_REVERTS) {
		graft_worker_log(
			worker, LOG_ERR, 0, id,
			"too many reverts at once: hotpatch %s stays where it is",
			id);
		return;
	}
	struct graft_reverting *revert =
		&worker->reverts[worker->revert_count++];
	*revert = (struct graft_reverting){ .user = user };
	memcpy(revert->id, id, sizeof(revert->id));
}

/** Begin to take a hotpatch out of a process that it is held for. */
GRAFT_MUST_CHECK static struct graft_error *
begin_held(struct graft_worker *worker, const struct graft_answer_item *item)
{
	const struct graft_quarantine *quarantine = worker->quarantine;
	const struct graft_quarantine_entry *entry =
		graft_quarantine_find(quarantine, item->id);
	struct graft_error *err = NULL;

	if (entry && !entry->released)
		graft_worker_revert(worker, item->id, 0);
	entry = NULL;
	while (!err && (entry = graft_quarantine_next_user(
				quarantine, entry, item->id, NULL, 0))) {
		bool is = false;
		err = graft_owner_is(item->pid, entry->uid, &is);
		if (is)
			graft_worker_revert(worker, item->id, entry->uid);
	}
	return err;
}

struct graft_error *
graft_worker_take_holder(struct graft_worker *worker,
			 const struct graft_answer_item *item)
{
	uint64_t now_us = graft_clock_monotonic_us();
	// Whoever got it, and whenever: what is in quarantine goes.
	struct graft_error *err = begin_held(worker, item);

	for (size_t k = 0; !err && k < worker->revert_count; k++) {
		struct graft_reverting *revert = &worker->reverts[k];
		bool is = revert->user == 0;
		if (strcmp(revert->id, item->id) != 0 ||
		    revert->pid_count == GRAFT_JOB_PIDS ||
		    now_us < revert->retry_us)
			continue;
		if (!is)
			err = graft_owner_is(item->pid, revert->user, &is);
		if (is)
			revert->pids[revert->pid_count++] = item->pid;
	}
	return err;
}

void
graft_worker_note_taking(struct graft_worker *worker, const char *id,
			 uid_t user, bool begins)
{
	struct graft_quarantine *quarantine = worker->quarantine;
	bool any = false;

	for (size_t i = 0; i < quarantine->count; i++) {
		struct graft_quarantine_entry *entry = &quarantine->entries[i];
		bool meant = id ? entry->uid == user &&
					     strcmp(entry->id, id) == 0
				: entry->taken_us == GRAFT_QUARANTINE_TAKING;
		if (!entry->of_user || !meant)
			continue;
		entry->taken_us = begins ? GRAFT_QUARANTINE_TAKING
					 : graft_clock_now_us();
		any = true;
	}
	struct graft_error *err =
		any ? graft_quarantine_write(worker->options->state_dir,
					     quarantine)
		    : NULL;
	if (err)
		graft_worker_say_missing(
			worker, err,
			"that a hotpatch was taken out will look as if somebody had wanted it");
}
