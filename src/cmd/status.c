// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "apply/inspect.h"
#include "base/env.h"
#include "base/hex.h"
#include "cmd/options.h"
#include "cmd/progress.h"
#include "plan/place.h"
#include "proc/list.h"
#include "report/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: graft status [--pid N ...] [--json]\n"
	"\n"
	"Print which processes hold which hotpatch, as the processes themselves tell,\n"
	"and which of their threads are still in old code.\n"
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
	ret->functions = header->redirect_count;
	ret->since_us = header->changed_us;
	ret->shadow_bytes = graft_place_size(header);
	return ret->id && ret->title && ret->module && ret->build_id &&
	       ret->state && add_threads(item, ret);
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
	if (ok)
		return graft_report_take_process(report, &process);
	graft_report_process_deinit(&process);
	return graft_error_no_memory();
}

/** Look at all processes, or at those that are named. */
GRAFT_MUST_CHECK static struct graft_error *
collect(const struct graft_options *options, struct graft_report *report)
{
	struct graft_error *err;
	GRAFT_FREE pid_t *all = NULL;
	const pid_t *pids = options->pids;
	size_t count = options->pid_count;

	if (!options->pid_count) {
		err = graft_proc_list(&all, &count);
		if (err)
			return err;
		pids = all;
	}
	GRAFT_CLEANUP(graft_progress_end)
	struct graft_progress progress = graft_progress_begin(count);
	for (size_t i = 0; i < count; i++) {
		GRAFT_CLEANUP(graft_inspection_freep)
		struct graft_inspection *inspection = NULL;
		graft_progress_step(&progress, i, "looking into processes");
		err = graft_inspect(pids[i], true, &inspection);
		if (err && options->pid_count)
			return graft_error_prefix(err, "pid %d", (int)pids[i]);
		graft_error_free(err);
		if (!inspection || !inspection->count)
			continue;
		err = add_process(inspection, report);
		if (err)
			return err;
	}
	return NULL;
}

struct graft_error *
graft_verb_status(int argc, char **argv, int *status_ret)
{
	GRAFT_CLEANUP(graft_options_deinit)
	struct graft_options options = { 0 };
	GRAFT_CLEANUP(graft_report_deinit) struct graft_report report = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err;

	if (!graft_options_parse(argc, argv, usage,
				 GRAFT_OPTION_PID | GRAFT_OPTION_JSON, &options,
				 status_ret))
		return NULL;
	err = collect(&options, &report);
	if (err)
		return err;
	if (options.json) {
		err = graft_report_print_json(&report, &text);
		if (err)
			return err;
	} else {
		graft_report_print_text(&report, graft_env_color(STDOUT_FILENO),
					&text);
	}
	if (text.failed)
		return graft_error_no_memory();
	(void)fputs(graft_text_str(&text), stdout);
	*status_ret = 0;
	return NULL;
}
