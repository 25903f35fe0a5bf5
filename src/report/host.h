// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The state of a host: which process holds which hotpatch. One structure, and
 * its faces. Knows nothing of where it comes from.
 */

#ifndef GRAFT_REPORT_HOST_H
#define GRAFT_REPORT_HOST_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** A thread that is still in old code. */
struct graft_report_thread {
	pid_t tid;
	char *comm;
	char *function;
	/** It is; otherwise it may be. */
	bool certain;
};

/** A hotpatch in one module of a process. */
struct graft_report_hotpatch {
	char *id;
	char *title;
	char *module;
	/** OLD build-id in hex. */
	char *build_id;
	/** "applied", "replaced", "reverted", "incomplete", "unloaded" or
	 * "damaged". */
	char *state;
	/** Id of the one whose place it took, and to which a revert goes back;
	 * NULL: none. */
	char *before;
	uint32_t functions;
	/** Unix time in microseconds of the last change. */
	uint64_t since_us;
	/** It is in, and was applied with --immediate: threads were allowed to stay in
	 * what it replaces. */
	bool immediate;
	/** Bytes of address space that its shadow takes. */
	uint64_t shadow_bytes;
	struct graft_report_thread *threads;
	size_t thread_count;
	/** Of one that is reverted or replaced: why its memory is kept, or NULL. */
	char *kept;
	/** Of the same: words that still point into its code,
	 * and where the first of them is. */
	size_t pointers;
	uint64_t pointer_addr;
	/** They were looked for. */
	bool pointers_known;
};

/** A process with hotpatches. */
struct graft_report_process {
	pid_t pid;
	char *comm;
	/** Name of its unit, of the system's or a user's manager, or of its container,
	 * by its control group; NULL: of none. Whoever may make groups has chosen it. */
	char *unit;
	bool in_container;
	struct graft_report_hotpatch *hotpatches;
	size_t hotpatch_count;
};

/** A host. All zeroes is the empty one. */
struct graft_report {
	struct graft_report_process *processes;
	size_t count;
	size_t room;
	/** Processes that we may not look at. */
	size_t unseen;
	/** We have root's rights: these are closed to root too. */
	bool privileged;
};

/** Free what a report owns. Also its guard. */
void
graft_report_deinit(struct graft_report *report);

/** Free what a process of a report owns, and zero it. */
void
graft_report_process_deinit(struct graft_report_process *process);

/**
 * Add a process.
 *
 * @param[in,out] process Its contents are taken, and it is zeroed; on error too.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_report_take_process(struct graft_report *report,
			  struct graft_report_process *process);

/** Append the report as one JSON object and a newline. */
GRAFT_MUST_CHECK struct graft_error *
graft_report_print_json(const struct graft_report *report,
			struct graft_text *text);

/**
 * Append the report as a table, with a sentence for each thread in old code.
 *
 * @param[in] color Write colours of a terminal.
 */
void
graft_report_print_text(const struct graft_report *report, bool color,
			struct graft_text *text);

#endif /* GRAFT_REPORT_HOST_H */
