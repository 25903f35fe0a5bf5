// SPDX-License-Identifier: Apache-2.0

#include "cmd/hold.h"

#include "base/env.h"
#include "cmd/work.h"
#include "host/owner.h"
#include "ledger/ledger.h"
#include "ledger/quarantine.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/** Get what a module changes. @return false: nothing. */
static bool
get_change(const struct graft_patch_module *m,
	   struct graft_quarantine_change *ret)
{
	if (m->verdict != GRAFT_VERDICT_HOTPATCH)
		return false;
	memcpy(ret->old_sha256, m->old_sha256, sizeof(ret->old_sha256));
	memcpy(ret->new_sha256, m->new_sha256, sizeof(ret->new_sha256));
	return true;
}

/** Find what holds a hotpatch, by its id or by what it does; NULL: nothing. */
static const struct graft_quarantine_entry *
find_entry(const struct graft_quarantine *quarantine,
	   const struct graft_patch *patch)
{
	const struct graft_quarantine_entry *entry =
		graft_quarantine_find(quarantine, patch->id);

	if (entry && !entry->released)
		return entry;
	for (size_t i = 0; i < patch->module_count; i++) {
		struct graft_quarantine_change change;
		if (!get_change(&patch->modules[i], &change))
			continue;
		entry = graft_quarantine_find_change(quarantine, &change);
		if (entry)
			return entry;
	}
	return NULL;
}

/** Write a time as people read it. */
static void
print_time(uint64_t time_us, char ret[32])
{
	time_t seconds = (time_t)(time_us / 1000000);
	struct tm parts;

	if (!localtime_r(&seconds, &parts) ||
	    !strftime(ret, 32, "%Y-%m-%d %H:%M:%S", &parts))
		ret[0] = '\0';
}

GRAFT_MUST_CHECK static struct graft_error *
ask_ledger(const struct graft_patch *patch,
	   const struct graft_quarantine *quarantine)
{
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;
	struct graft_ledger_last last = { 0 };
	char when[32];
	struct graft_error *err = graft_ledger_open(graft_env_state_dir(), true,
						    &ledger);

	if (!err)
		err = graft_ledger_find_last(ledger, patch->id, &last);
	if (err || last.verb != GRAFT_LEDGER_REVERT ||
	    graft_quarantine_excuses(quarantine, patch->id, last.finish_us))
		return err;
	print_time(last.finish_us, when);
	return graft_error_new(
		GRAFT_ERROR_REFUSED,
		"hotpatch %s was taken out at %s, and stays out until somebody applies it or releases it: graft daemon release %s",
		patch->id, when, patch->id);
}

struct graft_error *
graft_hold_ask(const struct graft_patch *patch, bool unattended,
	       struct graft_quarantine **ret)
{
	GRAFT_CLEANUP(graft_quarantine_freep)
	struct graft_quarantine *quarantine = NULL;
	char when[32];
	struct graft_error *err = graft_work_say_root(
		graft_quarantine_read(graft_env_state_dir(), &quarantine));

	if (err)
		return err;
	const struct graft_quarantine_entry *entry = find_entry(quarantine,
								patch);
	if (entry) {
		print_time(entry->time_us, when);
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"hotpatch %s is in quarantine: process %d (%s) died of signal %d soon after it got it, at %s; graft daemon release %s lets it be applied again",
			entry->id, (int)entry->pid, entry->comm, entry->signal,
			when, entry->id);
	}
	err = unattended ? ask_ledger(patch, quarantine) : NULL;
	if (!err && ret)
		*ret = GRAFT_TAKE(quarantine);
	return err;
}

struct graft_error *
graft_hold_ask_process(const struct graft_quarantine *quarantine,
		       const struct graft_patch *patch, pid_t pid)
{
	const struct graft_quarantine_entry *entry = NULL;
	GRAFT_FREE struct graft_quarantine_change *changes =
		calloc(patch->module_count + 1, sizeof(*changes));
	size_t count = 0;

	if (!changes)
		return graft_error_no_memory();
	for (size_t i = 0; i < patch->module_count; i++)
		count += get_change(&patch->modules[i], &changes[count]);
	while ((entry = graft_quarantine_next_user(quarantine, entry, patch->id,
						   changes, count))) {
		char when[32];
		bool is;
		struct graft_error *err = graft_owner_is(pid, entry->uid, &is);
		if (err)
			return err;
		if (!is)
			continue;
		print_time(entry->time_us, when);
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"hotpatch %s is in quarantine for user %u: process %d (%s) died of signal %d soon after it got it, at %s; graft daemon release %s lets it be applied again",
			entry->id, (unsigned)entry->uid, (int)entry->pid,
			entry->comm, entry->signal, when, entry->id);
	}
	return NULL;
}
