// SPDX-License-Identifier: Apache-2.0

#include "apply/recover.h"

#include "apply/entries.h"
#include "apply/orphans.h"
#include "apply/settle.h"
#include "proc/status.h"

#include <string.h>

enum {
	/** After a kill: 2 s, and 50 ms for a stop. */
	AFTER_KILL_US = 2 * 1000 * 1000,
	AFTER_KILL_STOP_US = 50 * 1000,
};

/** Say whether an entry's process is no more. */
static bool
is_gone(const struct graft_ledger_entry *entry)
{
	char boot_id[GRAFT_BOOT_ID_SIZE];
	struct graft_proc_status status = { 0 };

	graft_entries_boot_id(boot_id);
	if (strcmp(boot_id, entry->boot_id ? entry->boot_id : "") != 0)
		return true;
	struct graft_error *err = graft_proc_status_read(entry->pid, &status);
	bool gone = err && graft_error_code(err) == GRAFT_ERROR_TARGET_GONE;
	bool readable = !err;
	graft_error_free(err);
	return gone || (readable && (status.start_ticks != entry->start_ticks ||
				     status.state == 'Z'));
}

static void
count(struct graft_recover_result *ret, enum graft_ledger_outcome outcome)
{
	ret->completed += outcome == GRAFT_LEDGER_DONE;
	ret->undone += outcome == GRAFT_LEDGER_UNDONE;
	ret->gone += outcome == GRAFT_LEDGER_GONE;
	ret->left += outcome == GRAFT_LEDGER_OPEN;
}

/** Say whether an earlier entry of the list belongs to the same work. */
static bool
seen(const struct graft_ledger_list *list, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (strcmp(list->entries[i].patch_id,
			   list->entries[index].patch_id) == 0 &&
		    list->entries[i].verb == list->entries[index].verb)
			return true;
	}
	return false;
}

/** Write one outcome for all entries of a work. */
GRAFT_MUST_CHECK static struct graft_error *
finish_all(struct graft_ledger *ledger, const struct graft_ledger_list *list,
	   const struct graft_ledger_entry *of,
	   enum graft_ledger_outcome outcome, struct graft_recover_result *ret)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct graft_ledger_entry *entry = &list->entries[i];
		struct graft_error *err = NULL;
		if (strcmp(entry->patch_id, of->patch_id) != 0 ||
		    entry->verb != of->verb)
			continue;
		count(ret, outcome);
		if (outcome != GRAFT_LEDGER_OPEN)
			err = graft_ledger_finish(ledger, entry->id, outcome, 0,
						  "recovered");
		if (err)
			return err;
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
recover_work(struct graft_ledger *ledger, const struct graft_ledger_list *list,
	     const struct graft_ledger_entry *entry,
	     const struct graft_switch_limits *limits,
	     struct graft_recover_result *ret)
{
	enum graft_ledger_outcome outcome = GRAFT_LEDGER_GONE;
	struct graft_error *why = NULL;

	if (!is_gone(entry))
		why = graft_settle_guarded(list, entry, limits, &outcome);
	if (why && graft_error_code(why) == GRAFT_ERROR_TARGET_GONE) {
		graft_error_free(why);
		why = NULL;
		outcome = GRAFT_LEDGER_GONE;
	}
	if (why)
		outcome = GRAFT_LEDGER_OPEN;
	struct graft_error *err = finish_all(ledger, list, entry, outcome, ret);
	if (!err)
		return why;
	graft_error_free(why);
	return err;
}

struct graft_error *
graft_recover_pid(struct graft_ledger *ledger, pid_t pid,
		  const struct graft_switch_limits *limits,
		  struct graft_recover_result *ret)
{
	struct graft_ledger_query query = { .pid = pid, .open_only = true };
	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = NULL;
	struct graft_error *first = NULL;

	struct graft_error *err = graft_ledger_find(ledger, &query, &list);
	if (err)
		return err;
	for (size_t i = 0; i < list->count; i++) {
		if (seen(list, i))
			continue;
		err = recover_work(ledger, list, &list->entries[i], limits,
				   ret);
		if (first)
			graft_error_free(err);
		else
			first = err;
	}
	return first;
}

struct graft_error *
graft_recover_look(pid_t pid, bool *ret)
{
	GRAFT_CLEANUP(graft_orphans_deinit)
	struct graft_orphans orphans = { 0 };
	struct graft_error *err = graft_orphans_find(pid, &orphans);

	if (!err)
		*ret = orphans.list.count > 0;
	return err;
}

struct graft_error *
graft_recover_orphans(pid_t pid, const struct graft_switch_limits *limits,
		      struct graft_recover_result *ret)
{
	GRAFT_CLEANUP(graft_orphans_deinit)
	struct graft_orphans orphans = { 0 };
	struct graft_error *first = NULL;
	struct graft_error *err = graft_orphans_find(pid, &orphans);

	if (err)
		return err;
	const struct graft_ledger_list *list = &orphans.list;
	for (size_t i = 0; i < list->count; i++) {
		enum graft_ledger_outcome outcome = GRAFT_LEDGER_OPEN;
		if (seen(list, i))
			continue;
		err = graft_settle_guarded(list, &list->entries[i], limits,
					   &outcome);
		if (err && graft_error_code(err) == GRAFT_ERROR_TARGET_GONE)
			outcome = GRAFT_LEDGER_GONE;
		count(ret, outcome);
		if (first || outcome == GRAFT_LEDGER_GONE)
			graft_error_free(err);
		else
			first = err;
	}
	return first;
}

struct graft_error *
graft_recover_after_kill(struct graft_ledger *ledger, pid_t pid,
			 struct graft_error *err)
{
	struct graft_recover_result result = { 0 };
	struct graft_switch_limits limits = {
		.wait_us = AFTER_KILL_US,
		.stop_us = AFTER_KILL_STOP_US,
	};
	struct graft_error *more = graft_recover_pid(ledger, pid, &limits,
						     &result);
	const char *what = "its work is still open; `graft recover` ends it";

	if (result.completed && !result.left)
		what = "its work was completed";
	else if (result.undone && !result.left)
		what = "its work was undone";
	else if (result.gone && !result.left)
		what = "the process is gone too";
	err = graft_error_prefix(err, "%s%s%s", what, more ? ": " : "",
				 more ? graft_error_message(more) : "");
	graft_error_free(more);
	return err;
}
