// SPDX-License-Identifier: Apache-2.0

#include "cmd/status.h"

#include "apply/inspect.h"
#include "base/capability.h"
#include "base/env.h"
#include "base/hex.h"
#include "cmd/failure.h"
#include "cmd/options.h"
#include "cmd/outcome.h"
#include "cmd/progress.h"
#include "cmd/verb.h"
#include "host/unit.h"
#include "ledger/ledger.h"
#include "plan/place.h"
#include "proc/cgroup.h"
#include "proc/list.h"
#include "proc/status.h"
#include "report/host.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
	"usage: graft status [--pid N ...] [--json]\n"
	"\n"
	"Print which processes hold which hotpatch, as the processes themselves tell,\n"
	"the unit or container that they are in, and whether pointers still lead to code\n"
	"that was taken out. Of those that are named also which of their threads are\n"
	"still in old code: for that look they are stopped, for less than a millisecond\n"
	"as a rule.\n"
	"\n"
	"  -p, --pid N  only this process; may be repeated\n"
	"      --json   print JSON\n";

/** Copy the threads of an item. */
static bool
add_threads(const struct graft_inspected *item,
	    struct graft_report_hotpatch *ret)
{
	ret->threads = calloc(item->thread_count + 1, sizeof(*ret->threads));
	if (!ret->threads)
		return false;
	for (size_t i = 0; i < item->thread_count; i++) {
		const struct graft_inspected_thread *from = &item->threads[i];
		struct graft_report_thread *to = &ret->threads[i];
		to->tid = from->tid;
		to->certain = from->certain;
		to->comm = strdup(from->comm);
		to->function = strdup(from->function);
		ret->thread_count++;
		if (!to->comm || !to->function)
			return false;
	}
	return true;
}

static bool
add_hotpatch(const struct graft_inspected *item,
	     struct graft_report_hotpatch *ret)
{
	const struct graft_header *header = item->header;
	char build_id[2 * GRAFT_PATCH_BUILD_ID_MAX + 1];

	graft_hex_encode(header->old_build_id, header->old_build_id_len,
			 build_id);
	ret->id = strdup(header->id);
	ret->title = strdup(header->title);
	ret->module = strdup(header->module);
	ret->build_id = strdup(build_id);
	ret->state = strdup(item->state);
	ret->before = item->before ? strdup(item->before->id) : NULL;
	ret->functions = header->redirect_count;
	ret->since_us = header->changed_us;
	ret->immediate = header->immediate &&
			 strcmp(item->state, "applied") == 0;
	ret->shadow_bytes = graft_place_size(header);
	ret->kept = item->kept ? strdup(item->kept) : NULL;
	ret->pointers = item->pointers.count;
	ret->pointer_addr = item->pointers.addr;
	ret->pointers_known = item->pointers_known;
	return ret->id && ret->title && ret->module && ret->build_id &&
	       ret->state && (ret->before || !item->before) &&
	       (ret->kept || !item->kept) && add_threads(item, ret);
}

/** Name the unit or container of a process. One that has ended has none. */
GRAFT_MUST_CHECK static struct graft_error *
name_unit(struct graft_report_process *process)
{
	GRAFT_FREE char *cgroup = NULL;
	GRAFT_CLEANUP(graft_unit_deinit) struct graft_unit unit = { 0 };
	struct graft_error *err = graft_cgroup_read(process->pid, &cgroup);

	if (!err)
		err = graft_unit_parse(cgroup, &unit);
	if (err && graft_error_code(err) != GRAFT_ERROR_TARGET_GONE)
		return err;
	graft_error_free(err);
	process->in_container = unit.kind == GRAFT_UNIT_CONTAINER;
	process->unit = GRAFT_TAKE(unit.name);
	return NULL;
}

/** Add a process, if it holds anything. */
GRAFT_MUST_CHECK static struct graft_error *
add_process(const struct graft_inspection *inspection,
	    struct graft_report *report)
{
	struct graft_report_process process = {
		.pid = inspection->pid,
		.comm = strdup(inspection->comm),
		.hotpatches = calloc(inspection->count + 1,
				     sizeof(*process.hotpatches)),
	};
	bool ok = process.comm && process.hotpatches;

	for (size_t i = 0; ok && i < inspection->count; i++) {
		process.hotpatch_count++;
		ok = add_hotpatch(&inspection->items[i],
				  &process.hotpatches[i]);
	}
	struct graft_error *err = ok ? name_unit(&process)
				     : graft_error_no_memory();
	if (!err)
		return graft_report_take_process(report, &process);
	graft_report_process_deinit(&process);
	return err;
}

/** Look at one process. @param[in] listed All are looked at, and none is stopped. */
GRAFT_MUST_CHECK static struct graft_error *
collect_one(pid_t pid, bool listed, struct graft_report *report)
{
	GRAFT_CLEANUP(graft_inspection_freep)
	struct graft_inspection *inspection = NULL;
	struct graft_error *err =
		listed ? graft_inspect_listed(pid, GRAFT_INSPECT_POINTERS,
					      &inspection)
		       : graft_inspect(pid, GRAFT_INSPECT_THREADS, &inspection);

	if (err || !inspection || !inspection->count)
		return err;
	return add_process(inspection, report);
}

/** Say whether a process has memory at all; kernel threads have none. */
static bool
has_memory(pid_t pid)
{
	struct graft_proc_status status = { 0 };
	struct graft_error *err = graft_proc_status_read(pid, &status);
	bool has = !err && !status.kernel && status.vm_size;

	graft_error_free(err);
	return has;
}

struct graft_error *
graft_status_collect(struct graft_report *report)
{
	GRAFT_FREE pid_t *pids = NULL;
	size_t count;
	struct graft_error *err = graft_proc_list(&pids, &count);

	if (err)
		return err;
	GRAFT_CLEANUP(graft_progress_end)
	struct graft_progress progress = graft_progress_begin(count);
	for (size_t i = 0; i < count; i++) {
		graft_progress_step(&progress, i, "looking into processes");
		err = collect_one(pids[i], true, report);
		if (err && graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
			return err;
		report->unseen += err &&
				  graft_error_code(err) ==
					  GRAFT_ERROR_NOT_PERMITTED &&
				  has_memory(pids[i]);
		graft_error_free(err);
	}
	return NULL;
}

/** Look at the processes that are named. */
GRAFT_MUST_CHECK static struct graft_error *
collect_named(const struct graft_options *options, struct graft_report *report,
	      struct graft_outcomes *outcomes)
{
	for (size_t i = 0; i < options->pid_count; i++) {
		struct graft_outcome outcome = { .pid = options->pids[i] };
		outcome.err = collect_one(outcome.pid, false, report);
		struct graft_error *err = graft_outcomes_take(outcomes,
							      &outcome);
		if (err)
			return err;
	}
	return NULL;
}

/** Get the first error, if none of those that are named could be looked at. */
static const struct graft_error *
nothing_seen(const struct graft_outcomes *outcomes)
{
	for (size_t i = 0; i < outcomes->count; i++) {
		if (!outcomes->items[i].err)
			return NULL;
	}
	return outcomes->count ? outcomes->items[0].err : NULL;
}

/** Print what processes hold. */
GRAFT_MUST_CHECK static struct graft_error *
print_report(bool json, const struct graft_report *report)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err = NULL;

	if (json)
		err = graft_report_print_json(report, &text);
	else
		graft_report_print_text(report, graft_env_color(STDOUT_FILENO),
					&text);
	if (err)
		return err;
	if (text.failed)
		return graft_error_no_memory();
	(void)fputs(graft_text_str(&text), stdout);
	return NULL;
}

/** Read what the ledger holds of work that was cut off, for it must be readable. */
GRAFT_MUST_CHECK static struct graft_error *
read_ledger(const char *dir)
{
	const struct graft_ledger_query query = { .open_only = true };
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;
	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = NULL;
	struct stat st;

	if (stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
		return graft_error_new(GRAFT_ERROR_LEDGER,
				       "state directory: %s is no directory",
				       dir);
	// Root's is closed to everybody else, and that is no fault.
	if (access(dir, R_OK | X_OK) < 0 && errno == EACCES)
		return NULL;
	struct graft_error *err = graft_ledger_open(dir, true, &ledger);
	return err ? err : graft_ledger_find(ledger, &query, &list);
}

/** Warn of a ledger that the next `graft apply` could not write to either. */
static void
check_ledger(void)
{
	struct graft_error *err = read_ledger(graft_env_state_dir());

	if (!err)
		return;
	err = graft_error_prefix(err,
				 "warning: only the processes were asked, for");
	(void)fflush(stdout);
	graft_failure_say("status", err);
	graft_error_free(err);
}

struct graft_error *
graft_verb_status(int argc, char **argv, int *status_ret)
{
	GRAFT_CLEANUP(graft_options_deinit)
	struct graft_options options = { 0 };
	GRAFT_CLEANUP(graft_report_deinit)
	struct graft_report report = {
		.privileged = graft_capability_has(CAP_SYS_PTRACE),
	};
	GRAFT_CLEANUP(graft_outcomes_deinit)
	struct graft_outcomes outcomes = { 0 };
	struct graft_error *err;

	if (!graft_options_parse(argc, argv, usage,
				 GRAFT_OPTION_PID | GRAFT_OPTION_JSON, &options,
				 status_ret))
		return NULL;
	err = options.pid_count ? collect_named(&options, &report, &outcomes)
				: graft_status_collect(&report);
	*status_ret = outcomes.count ? graft_outcomes_status(&outcomes) : 0;
	const struct graft_error *why = nothing_seen(&outcomes);
	if (!err && !why)
		err = print_report(options.json, &report);
	if (err)
		return err;
	if (why)
		graft_failure_print_json(
			argv, graft_error_wire(graft_error_code(why)),
			graft_error_message(why), *status_ret);
	graft_outcomes_print_refused(&outcomes, "status");
	check_ledger();
	return NULL;
}
