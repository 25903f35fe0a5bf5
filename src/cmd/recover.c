// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "apply/lock.h"
#include "apply/recover.h"
#include "base/env.h"
#include "base/text.h"
#include "cmd/failure.h"
#include "cmd/install_steps.h"
#include "cmd/options.h"
#include "cmd/work.h"
#include "ledger/ledger.h"
#include "proc/list.h"
#include "report/quote.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <unistd.h>

static const char usage[] =
	"usage: graft recover [--pid PID] [--wait SECONDS] [--json]\n"
	"\n"
	"Complete or undo work on processes that was cut off (graft was killed).\n"
	"`graft apply` and `graft revert` do the same for the processes they work on.\n"
	"Where the ledger was lost, the processes themselves tell what was cut off.\n"
	"A jump that a uprobe ruined is mended too.\n"
	"\n"
	"  -p, --pid PID       only this process; may be repeated\n"
	"  -w, --wait SECONDS  how long to wait for threads that are in the way\n"
	"                      (default 10)\n"
	"      --json          print JSON\n"
	"      --state-dir DIR instead of /var/lib/graft\n";

enum {
	STOP_LIMIT_US = 50 * 1000,
};

/** What is carried from process to process. */
struct recovery {
	struct graft_ledger *ledger;
	struct graft_switch_limits limits;
	struct graft_recover_result result;
	/** The first error; the others are dropped. */
	struct graft_error *first;
};

GRAFT_MUST_CHECK static struct graft_error *
recover_locked(struct recovery *recovery, pid_t pid)
{
	GRAFT_CLEANUP(graft_lock_deinit) struct graft_lock lock = { 0 };
	struct graft_error *err = graft_lock_take(graft_env_state_dir(), NULL,
						  pid, recovery->limits.wait_us,
						  &lock);

	if (!err)
		err = graft_recover_pid(recovery->ledger, pid,
					&recovery->limits, &recovery->result);
	if (!err)
		err = graft_recover_orphans(pid, &recovery->limits,
					    &recovery->result);
	return err;
}

/** Work off one process. */
static void
recover_one(struct recovery *recovery, pid_t pid)
{
	struct graft_error *err = recover_locked(recovery, pid);

	if (err && graft_error_code(err) == GRAFT_ERROR_TARGET_GONE) {
		graft_error_free(err);
		return;
	}
	if (recovery->first)
		graft_error_free(err);
	else if (err)
		recovery->first = graft_error_prefix(err, "pid %d", (int)pid);
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

/** Work off what the ledger knows. */
GRAFT_MUST_CHECK static struct graft_error *
recover_known(struct recovery *recovery)
{
	struct graft_ledger_query query = { .open_only = true };
	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = NULL;
	struct graft_error *err = graft_ledger_find(recovery->ledger, &query,
						    &list);

	if (err)
		return err;
	for (size_t i = 0; i < list->count; i++) {
		if (!seen(list, i))
			recover_one(recovery, list->entries[i].pid);
	}
	return NULL;
}

/** Work off what is in processes that the ledger knows nothing of. */
GRAFT_MUST_CHECK static struct graft_error *
recover_unknown(struct recovery *recovery)
{
	GRAFT_FREE pid_t *pids = NULL;
	size_t count;
	struct graft_error *err = graft_proc_list(&pids, &count);

	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		bool found = false;
		// Kernel threads, 32-bit processes, those that just ended.
		graft_error_free(graft_recover_look(pids[i], &found));
		if (found)
			recover_one(recovery, pids[i]);
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
recover(struct recovery *recovery, const struct graft_options *options)
{
	for (size_t i = 0; i < options->pid_count; i++)
		recover_one(recovery, options->pids[i]);
	if (options->pid_count)
		return NULL;
	struct graft_error *err = recover_known(recovery);
	return err ? err : recover_unknown(recovery);
}

/** Print what became of all as JSON, and of the first error what main.c would say. */
GRAFT_MUST_CHECK static struct graft_error *
print_json(struct recovery *recovery, int *status_ret)
{
	const struct graft_recover_result *result = &recovery->result;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	cJSON *root = cJSON_CreateObject();
	struct graft_error *first = recovery->first;

	if (first)
		*status_ret = graft_error_status(graft_error_code(first));
	bool ok = root &&
		  cJSON_AddNumberToObject(root, "completed",
					  (double)result->completed) &&
		  cJSON_AddNumberToObject(root, "undone",
					  (double)result->undone) &&
		  cJSON_AddNumberToObject(root, "gone", (double)result->gone) &&
		  cJSON_AddNumberToObject(root, "left", (double)result->left) &&
		  (!first || graft_failure_add(root, first, *status_ret));
	if (first) {
		graft_failure_say("recover", first);
		graft_error_free(first);
		recovery->first = NULL;
	}
	struct graft_error *err = graft_report_take_json(root, ok, &text);
	if (!err)
		(void)fputs(graft_text_str(&text), stdout);
	return err;
}

/** End an installation that was cut off, where there ever was one. */
GRAFT_MUST_CHECK static struct graft_error *
resume_installation(uint64_t wait_us, bool *any_ret)
{
	GRAFT_CLEANUP(graft_store_closep) struct graft_store *store = NULL;
	GRAFT_CLEANUP(graft_outcomes_deinit)
	struct graft_outcomes outcomes = { 0 };
	struct graft_install_resumed resumed = { 0 };

	if (!graft_store_is_there())
		return NULL;
	struct graft_error *err = graft_store_open(wait_us, &store);
	if (!err)
		err = graft_install_resume(store, wait_us, &resumed, &outcomes);
	*any_ret = resumed.installed || resumed.removed || resumed.switched;
	graft_install_say_resumed("recover", &resumed);
	graft_outcomes_print_refused(&outcomes, "recover");
	return err;
}

struct graft_error *
graft_verb_recover(int argc, char **argv, int *status_ret)
{
	GRAFT_CLEANUP(graft_options_deinit)
	struct graft_options options = { 0 };
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;

	if (!graft_options_parse(argc, argv, usage,
				 GRAFT_OPTION_WAIT | GRAFT_OPTION_PID |
					 GRAFT_OPTION_JSON,
				 &options, status_ret))
		return NULL;
	struct graft_error *err = graft_work_open_ledger(&ledger);
	if (err)
		return err;
	struct recovery recovery = {
		.ledger = ledger,
		.limits = { .wait_us = options.wait_us,
			    .stop_us = STOP_LIMIT_US },
	};
	const struct graft_recover_result *result = &recovery.result;
	bool any = false;
	err = recover(&recovery, &options);
	if (!err && !options.pid_count)
		err = resume_installation(options.wait_us, &any);
	if (err) {
		graft_error_free(recovery.first);
		return err;
	}
	any = any || result->completed || result->undone || result->gone ||
	      result->left;
	*status_ret = any ? 0 : 3;
	if (options.json)
		return print_json(&recovery, status_ret);
	(void)printf(
		"%zu completed, %zu undone, %zu of processes that are gone, %zu left\n",
		result->completed, result->undone, result->gone, result->left);
	return recovery.first;
}
