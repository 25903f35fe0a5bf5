// SPDX-License-Identifier: Apache-2.0

#include "report/host.h"

#include <string.h>
#include <time.h>

enum {
	/** Digits of an id that a table shows. */
	ID_SHOWN = 12,
	/** Digits of a container's id: those are of a SHA-256. */
	CONTAINER_ID_LEN = 64,
};

static const char *
state_color(const char *state)
{
	if (strcmp(state, "applied") == 0)
		return "\033[32m";
	if (strcmp(state, "reverted") == 0 || strcmp(state, "replaced") == 0)
		return "\033[2m";
	return "\033[31m";
}

static void
put_time(uint64_t us, struct graft_text *text)
{
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;
	char when[32] = "?";

	if (localtime_r(&seconds, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	graft_text_put(text, when);
}

/** Append a string that a process chose, with spaces up to a width. */
static void
put_padded(struct graft_text *text, const char *str, size_t width)
{
	size_t before = text->len;

	graft_text_put_safe(text, str);
	size_t len = text->len - before;
	graft_text_printf(text, "%*s", len < width ? (int)(width - len) : 0,
			  "");
}

/** Compute how many bytes put_padded() writes at the least. */
static size_t
safe_len(const char *str)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_text_put_safe(&text, str);
	return text.len;
}

/** Append the unit or container of a process, with spaces up to a width. */
static void
put_unit(const struct graft_report_process *process, size_t width,
	 struct graft_text *text)
{
	size_t before = text->len;

	if (!process->unit)
		graft_text_put(text, "-");
	else if (process->in_container &&
		 strlen(process->unit) == CONTAINER_ID_LEN)
		graft_text_printf(text, "container %.*s", ID_SHOWN,
				  process->unit);
	else
		graft_text_put_safe(text, process->unit);
	size_t len = text->len - before;
	graft_text_printf(text, "%*s", len < width ? (int)(width - len) : 0,
			  "");
}

/** Widths of the columns that vary. */
struct widths {
	size_t comm;
	size_t unit;
};

/** Make the columns as wide as what stands in them. */
static void
measure(const struct graft_report *report, struct widths *widths)
{
	for (size_t i = 0; i < report->count; i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
		size_t len = safe_len(report->processes[i].comm);
		widths->comm = len > widths->comm ? len : widths->comm;
		put_unit(&report->processes[i], 0, &text);
		widths->unit = text.len > widths->unit ? text.len
						       : widths->unit;
	}
}

static void
put_row(const struct graft_report_process *process,
	const struct graft_report_hotpatch *hotpatch,
	const struct widths *widths, bool color, struct graft_text *text)
{
	put_unit(process, widths->unit, text);
	graft_text_printf(text, "  %8d  ", (int)process->pid);
	put_padded(text, process->comm, widths->comm);
	graft_text_printf(
		text, "  %-*.*s  %s%-10s%s  %9u  ", ID_SHOWN, ID_SHOWN,
		hotpatch->id, color ? state_color(hotpatch->state) : "",
		hotpatch->state, color ? "\033[0m" : "", hotpatch->functions);
	put_time(hotpatch->since_us, text);
	graft_text_put(text, "  ");
	graft_text_put_safe(text, hotpatch->module);
	graft_text_put(text, "\n");
	if (hotpatch->before && strcmp(hotpatch->state, "applied") == 0)
		graft_text_printf(
			text,
			"%8s  in the place of %.*s, to which a revert goes back\n",
			"", ID_SHOWN, hotpatch->before);
	if (hotpatch->immediate)
		graft_text_printf(
			text,
			"%8s  applied with --immediate: threads that were in old code end their calls there\n",
			"");
	if (hotpatch->kept)
		graft_text_printf(text, "%8s  its %llu bytes are kept: %s\n",
				  "",
				  (unsigned long long)hotpatch->shadow_bytes,
				  hotpatch->kept);
	if (hotpatch->pointers)
		graft_text_printf(
			text,
			"%8s  %zu pointer%s in its memory still lead%s to the code of this one, the first at 0x%llx: what calls through %s runs it\n",
			"", hotpatch->pointers,
			hotpatch->pointers == 1 ? "" : "s",
			hotpatch->pointers == 1 ? "s" : "",
			(unsigned long long)hotpatch->pointer_addr,
			hotpatch->pointers == 1 ? "it" : "them");
	for (size_t i = 0; i < hotpatch->thread_count; i++) {
		const struct graft_report_thread *thread =
			&hotpatch->threads[i];
		graft_text_printf(text, "%8s  thread %d (", "",
				  (int)thread->tid);
		graft_text_put_safe(text, thread->comm);
		graft_text_printf(text, ") %s still in old code: ",
				  thread->certain ? "is" : "may be");
		graft_text_put_safe(text, thread->function);
		graft_text_put(text, "\n");
	}
}

/** Say what was not seen, and who sees it. */
static void
put_unseen(const struct graft_report *report, struct graft_text *text)
{
	if (report->unseen)
		graft_text_printf(
			text, "%zu process%s could not be looked at%s\n",
			report->unseen, report->unseen == 1 ? "" : "es",
			report->privileged
				? ", by root neither"
				: "; root (CAP_SYS_PTRACE) sees all");
}

void
graft_report_print_text(const struct graft_report *report, bool color,
			struct graft_text *text)
{
	struct widths widths = { .comm = 7, .unit = 4 };
	bool reverted = false;

	if (!report->count) {
		graft_text_printf(text, "no process %sholds a hotpatch\n",
				  report->unseen ? "that may be looked at "
						 : "");
		put_unseen(report, text);
		return;
	}
	measure(report, &widths);
	graft_text_printf(
		text, "%-*s  %8s  %-*s  %-*s  %-10s  %9s  %-19s  %s\n",
		(int)widths.unit, "UNIT", "PID", (int)widths.comm, "PROCESS",
		ID_SHOWN, "HOTPATCH", "STATE", "FUNCTIONS", "SINCE", "MODULE");
	for (size_t i = 0; i < report->count; i++) {
		const struct graft_report_process *process =
			&report->processes[i];
		for (size_t j = 0; j < process->hotpatch_count; j++) {
			put_row(process, &process->hotpatches[j], &widths,
				color, text);
			const char *state = process->hotpatches[j].state;
			reverted |= strcmp(state, "reverted") == 0 ||
				    strcmp(state, "replaced") == 0;
		}
	}
	if (reverted)
		graft_text_put(
			text,
			"A reverted or replaced hotpatch runs no more; its memory is used again by the next apply of the same one.\n");
	put_unseen(report, text);
}
