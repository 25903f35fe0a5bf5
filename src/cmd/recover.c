// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "apply/lock.h"
#include "apply/recover.h"
#include "base/env.h"
#include "cmd/options.h"
#include "ledger/ledger.h"

#include <stdio.h>
#include <unistd.h>

static const char usage[] =
	"usage: graft recover [--wait SECONDS]\n"
	"\n"
	"Complete or undo work on processes that was cut off (graft was killed).\n"
	"`graft apply` and `graft revert` do the same for the processes they work on.\n"
	"\n"
	"  -w, --wait SECONDS  how long to wait for threads that are in the way\n"
	"                      (default 10)\n"
	"      --state-dir DIR instead of /var/lib/graft\n";

enum {
	STOP_LIMIT_US = 50 * 1000,
};

/** Work off one process. */
GRAFT_MUST_CHECK static struct graft_error *
recover_one(struct graft_ledger *ledger, pid_t pid,
	    const struct graft_switch_limits *limits,
	    struct graft_recover_result *result)
{
	GRAFT_CLEANUP(graft_lock_deinit) struct graft_lock lock = { 0 };
	struct graft_error *err = graft_lock_take(graft_env_state_dir(), pid,
						  limits->wait_us, &lock);

	if (!err)
		err = graft_recover_pid(ledger, pid, limits, result);
	return err ? graft_error_prefix(err, "pid %d", (int)pid) : NULL;
}

/** Say whether an earlier entry is of the same process. */
static bool
seen(const struct graft_ledger_list *list, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (list->entries[i].pid == list->entries[index].pid)
			return true;
	}
	return false;
}

struct graft_error *
graft_verb_recover(int argc, char **argv, int *status_ret)
{
	GRAFT_CLEANUP(graft_options_deinit)
	struct graft_options options = { 0 };
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;
	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = NULL;
	struct graft_ledger_query query = { .open_only = true };
	struct graft_recover_result result = { 0 };
	struct graft_error *first = NULL;

	if (!graft_options_parse(argc, argv, usage, GRAFT_OPTION_WAIT, &options,
				 status_ret))
		return NULL;
	struct graft_switch_limits limits = {
		.wait_us = options.wait_us,
		.stop_us = STOP_LIMIT_US,
	};
	struct graft_error *err = graft_ledger_open(graft_env_state_dir(),
						    false, &ledger);
	if (!err)
		err = graft_ledger_find(ledger, &query, &list);
	if (err)
		return err;
	for (size_t i = 0; i < list->count; i++) {
		if (seen(list, i))
			continue;
		err = recover_one(ledger, list->entries[i].pid, &limits,
				  &result);
		if (first)
			graft_error_free(err);
		else
			first = err;
	}
	(void)printf(
		"%zu completed, %zu undone, %zu of processes that are gone, %zu left\n",
		result.completed, result.undone, result.gone, result.left);
	*status_ret = list->count ? 0 : 3;
	return first;
}
