// SPDX-License-Identifier: Apache-2.0

#include "report/host.h"

#include "base/vec.h"

#include <stdlib.h>

void
graft_report_process_deinit(struct graft_report_process *process)
{
	for (size_t i = 0; i < process->hotpatch_count; i++) {
		struct graft_report_hotpatch *h = &process->hotpatches[i];
		for (size_t j = 0; j < h->thread_count; j++) {
			free(h->threads[j].comm);
			free(h->threads[j].function);
		}
		free(h->threads);
		free(h->id);
		free(h->title);
		free(h->module);
		free(h->build_id);
		free(h->state);
		free(h->before);
		free(h->kept);
	}
	free(process->hotpatches);
	free(process->comm);
	free(process->unit);
	*process = (struct graft_report_process){ 0 };
}

void
graft_report_deinit(struct graft_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		graft_report_process_deinit(&report->processes[i]);
	free(report->processes);
	*report = (struct graft_report){ 0 };
}

struct graft_error *
graft_report_take_process(struct graft_report *report,
			  struct graft_report_process *process)
{
	struct graft_error *err = graft_vec_reserve(
		&report->processes, &report->room, report->count + 1,
		sizeof(*report->processes));
	if (err) {
		graft_report_process_deinit(process);
		return err;
	}
	report->processes[report->count++] = *process;
	*process = (struct graft_report_process){ 0 };
	return NULL;
}
