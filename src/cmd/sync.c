// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "base/env.h"
#include "cmd/options.h"
#include "cmd/sync_held.h"
#include "cmd/sync_state.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: graft sync [--dry-run] [--pid N ...] [--unit UNIT] [--package NAME]\n"
	"                  [--cgroup PATH] [--wait SECONDS]\n"
	"                  [--unattended] [--json]\n"
	"\n"
	"Bring running processes to the code that is on disk. After an upgrade files\n"
	"are new and processes are old: for each file that a process still has mapped,\n"
	"the difference to what lies at its path now is made a hotpatch and applied, or\n"
	"it is said why that process needs a restart, and by which command. So it is of\n"
	"who holds another file that an upgrade replaced: a script, data.\n"
	"\n"
	"  -n, --dry-run       say it only; no process is stopped\n"
	"  -p, --pid N         this process; may be repeated\n"
	"  -u, --unit UNIT     processes of this unit of systemd\n"
	"  -P, --package NAME  old files of this package only, or of this source package\n"
	"  -g, --cgroup PATH   processes in this control group and below\n"
	"  -w, --wait SECONDS  how long to wait for threads to leave the functions that\n"
	"                      are replaced (default 10)\n"
	"      --unattended    as a service does it: leave hotpatches out that were\n"
	"                      reverted by hand, and processes that have ended\n"
	"      --json          print JSON\n"
	"      --state-dir DIR instead of /var/lib/graft\n"
	"\n"
	"Exit status: 0 all that had old code are hotpatched; 3 nobody has, or all were\n"
	"before; 4 all that have need a restart or were refused; 5 some.\n";

enum {
	/** How often we look for new processes before we give up on a host that makes
	 * them faster. */
	PASSES_MAX = 20,
	/** Exit statuses. */
	STATUS_NOTHING = 3,
	STATUS_NONE = 4,
	STATUS_SOME = 5,
};

/** Compute the exit status. */
static int
status_of(const struct graft_sync *sync)
{
	size_t done = 0;
	size_t left = 0;

	for (size_t i = 0; i < sync->item_count; i++) {
		enum graft_sync_action action = sync->items[i].action;
		done += action == GRAFT_SYNC_DONE;
		left += action == GRAFT_SYNC_RESTART ||
			action == GRAFT_SYNC_REFUSED;
	}
	left += sync->held ? sync->held->count : 0;
	if (left)
		return done ? STATUS_SOME : STATUS_NONE;
	return done ? 0 : STATUS_NOTHING;
}

/** Find the item of the same process and package or files in an earlier pass, or NULL. */
static const struct graft_sync_item *
find_earlier(const struct graft_sync *earlier, const struct graft_sync *sync,
	     const struct graft_sync_item *item)
{
	const struct graft_old_process *p =
		&sync->code->processes[item->process];

	for (size_t i = 0; i < earlier->item_count; i++) {
		const struct graft_sync_item *e = &earlier->items[i];
		const struct graft_old_process *was =
			&earlier->code->processes[e->process];
		if (was->pid == p->pid && was->start_ticks == p->start_ticks &&
		    strcmp(graft_sync_first_path(earlier, e),
			   graft_sync_first_path(sync, item)) == 0)
			return e;
	}
	return NULL;
}

/** Take over what an earlier pass did. @return What this one did itself. */
static size_t
inherit(struct graft_sync *sync, const struct graft_sync *earlier)
{
	size_t done = 0;

	for (size_t i = 0; i < sync->item_count; i++) {
		struct graft_sync_item *item = &sync->items[i];
		done += item->action == GRAFT_SYNC_DONE;
		if (item->action != GRAFT_SYNC_BEFORE)
			continue;
		const struct graft_sync_item *e = find_earlier(earlier, sync,
							       item);
		if (!e || e->action != GRAFT_SYNC_DONE)
			continue;
		item->action = GRAFT_SYNC_DONE;
		memcpy(item->id, e->id, sizeof(item->id));
		item->functions = e->functions;
		item->pause_us = e->pause_us;
	}
	return done;
}

struct graft_error *
graft_sync_run(const struct graft_options *options, struct graft_sync *sync)
{
	bool again = true;

	for (int pass = 0; again && pass < PASSES_MAX; pass++) {
		GRAFT_CLEANUP(graft_sync_deinit)
		struct graft_sync next = { .dry_run = options->dry_run,
					   .unattended = options->unattended };
		struct graft_error *err = graft_sync_find(&next, options, sync);
		if (!err)
			err = graft_sync_do(&next, options->wait_us);
		if (err)
			return err;
		again = inherit(&next, sync) && !options->dry_run &&
			!options->pid_count;
		struct graft_sync earlier = *sync;
		*sync = next;
		next = earlier;
	}
	return NULL;
}

struct graft_error *
graft_verb_sync(int argc, char **argv, int *status_ret)
{
	GRAFT_CLEANUP(graft_options_deinit)
	struct graft_options options = { 0 };
	GRAFT_CLEANUP(graft_sync_deinit) struct graft_sync sync = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	if (!graft_options_parse(
		    argc, argv, usage,
		    GRAFT_OPTION_PID | GRAFT_OPTION_WAIT | GRAFT_OPTION_JSON |
			    GRAFT_OPTION_DRY_RUN | GRAFT_OPTION_SCOPE |
			    GRAFT_OPTION_UNATTENDED,
		    &options, status_ret))
		return NULL;
	struct graft_error *err = graft_sync_run(&options, &sync);
	if (!err)
		err = graft_sync_find_ahead(&sync);
	if (!err)
		err = graft_sync_find_held(&sync, &options);
	if (err)
		return err;
	if (options.json)
		err = graft_sync_print_json(&sync, &text);
	else
		graft_sync_print_text(&sync, graft_env_color(STDOUT_FILENO),
				      &text);
	if (!err && text.failed)
		err = graft_error_no_memory();
	if (err)
		return err;
	(void)fputs(graft_text_str(&text), stdout);
	*status_ret = status_of(&sync);
	return NULL;
}
