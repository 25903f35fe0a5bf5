// SPDX-License-Identifier: Apache-2.0

#include "report/host.h"
#include "report/quote.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/** Write a time as RFC 3339 in UTC, to the second. */
static void
format_time(uint64_t us, char ret[32])
{
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;

	ret[0] = '\0';
	if (gmtime_r(&seconds, &tm))
		(void)strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static bool
add_threads(cJSON *to, const struct graft_report_hotpatch *hotpatch)
{
	cJSON *list = cJSON_AddArrayToObject(to, "threads_in_old_code");

	for (size_t i = 0; list && i < hotpatch->thread_count; i++) {
		const struct graft_report_thread *thread =
			&hotpatch->threads[i];
		cJSON *item = cJSON_CreateObject();
		if (!item || !cJSON_AddItemToArray(list, item) ||
		    !cJSON_AddNumberToObject(item, "tid", thread->tid) ||
		    !graft_report_add_string(item, "comm", thread->comm) ||
		    !graft_report_add_string(item, "function",
					     thread->function) ||
		    !cJSON_AddBoolToObject(item, "certain", thread->certain))
			return false;
	}
	return list != NULL;
}

static bool
add_hotpatch(cJSON *list, const struct graft_report_hotpatch *hotpatch)
{
	char since[32];
	cJSON *item = cJSON_CreateObject();

	format_time(hotpatch->since_us, since);
	return item && cJSON_AddItemToArray(list, item) &&
	       graft_report_add_string(item, "id", hotpatch->id) &&
	       graft_report_add_string(item, "title", hotpatch->title) &&
	       graft_report_add_string(item, "module", hotpatch->module) &&
	       cJSON_AddStringToObject(item, "build_id", hotpatch->build_id) &&
	       cJSON_AddStringToObject(item, "state", hotpatch->state) &&
	       (hotpatch->before ? cJSON_AddStringToObject(item, "before",
							   hotpatch->before)
				 : cJSON_AddNullToObject(item, "before")) &&
	       cJSON_AddNumberToObject(item, "functions",
				       hotpatch->functions) &&
	       cJSON_AddStringToObject(item, "since", since) &&
	       cJSON_AddBoolToObject(item, "immediate", hotpatch->immediate) &&
	       cJSON_AddNumberToObject(item, "shadow_bytes",
				       (double)hotpatch->shadow_bytes) &&
	       (hotpatch->kept
			? cJSON_AddStringToObject(item, "kept", hotpatch->kept)
			: cJSON_AddNullToObject(item, "kept")) &&
	       (hotpatch->pointers_known
			? cJSON_AddNumberToObject(item, "pointers",
						  (double)hotpatch->pointers)
			: cJSON_AddNullToObject(item, "pointers")) &&
	       add_threads(item, hotpatch);
}

static bool
add_process(cJSON *list, const struct graft_report_process *process)
{
	cJSON *item = cJSON_CreateObject();
	if (!item || !cJSON_AddItemToArray(list, item) ||
	    !cJSON_AddNumberToObject(item, "pid", process->pid) ||
	    !graft_report_add_string(item, "comm", process->comm) ||
	    (process->unit &&
	     !graft_report_add_string(
		     item, process->in_container ? "container" : "unit",
		     process->unit)))
		return false;
	cJSON *hotpatches = cJSON_AddArrayToObject(item, "hotpatches");
	if (!hotpatches)
		return false;
	for (size_t i = 0; i < process->hotpatch_count; i++) {
		if (!add_hotpatch(hotpatches, &process->hotpatches[i]))
			return false;
	}
	return true;
}

struct graft_error *
graft_report_print_json(const struct graft_report *report,
			struct graft_text *text)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *list = root ? cJSON_AddArrayToObject(root, "processes") : NULL;
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < report->count; i++)
		ok = add_process(list, &report->processes[i]);
	ok = ok && cJSON_AddNumberToObject(root, "not_looked_at",
					   (double)report->unseen);
	return graft_report_take_json(root, ok, text);
}
