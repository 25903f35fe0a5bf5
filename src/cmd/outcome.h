// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What a verb did to each of several processes, as a table, as JSON, and as the
 * exit status of the whole.
 */

#ifndef GRAFT_CMD_OUTCOME_H
#define GRAFT_CMD_OUTCOME_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** What became of one process. */
struct graft_outcome {
	pid_t pid;
	char comm[16];
	/** When it started (graft_proc_status::start_ticks). */
	uint64_t start_ticks;
	/** Which run of a program was done (graft_target_run()). */
	uint8_t run[16];
	/** Functions that were switched. */
	uint32_t functions;
	/** How long it stood still, in microseconds. */
	uint64_t pause_us;
	/** Stops that were needed. */
	uint32_t tries;
	/** Threads that stayed in what was replaced (--immediate). */
	uint32_t stayed;
	/** Why it was not done, or NULL. Owned. */
	struct graft_error *err;
	/** Only because of what passes: threads in the way, memory that changes, a dynamic
	 * linker that is not done. */
	bool passing;
	/** The process was worked on, beyond a look at it. */
	bool begun;
	/** What was begun is neither done nor undone. */
	bool unsettled;
	/** It was done all the same, and could not be taken back. */
	bool stays;
	/** More to print behind the line (a plan), or NULL. Owned. */
	char *detail;
};

/** What became of all. All zeroes is the empty list. */
struct graft_outcomes {
	struct graft_outcome *items;
	size_t count;
	size_t room;
};

/** Free what outcomes own. Also their guard. */
void
graft_outcomes_deinit(struct graft_outcomes *outcomes);

/**
 * Add an outcome.
 *
 * @param[in,out] outcome Its contents are taken, and it is zeroed; on error too.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_outcomes_take(struct graft_outcomes *outcomes,
		    struct graft_outcome *outcome);

/** Say whether it was not done, and not because there was nothing to do. */
bool
graft_outcome_is_refused(const struct graft_outcome *outcome);

/**
 * Compute the exit status of the verb.
 *
 * @return 0 if all were done, or some and the rest had nothing to do; 3 if there
 * was nothing to do for any; 4 if all were refused; 5 if some were done and some
 * refused; that of the first error that is no refusal if nothing was done.
 */
int
graft_outcomes_status(const struct graft_outcomes *outcomes);

/**
 * Print the outcomes: those that are done on standard output, one line for each
 * that is not on standard error.
 *
 * @param[in] done What was done, in one word: "applied".
 * @param[in] verb Name of the verb.
 * @param[in] pauses There were stops: say how long.
 */
void
graft_outcomes_print(const struct graft_outcomes *outcomes, const char *done,
		     const char *verb, bool pauses);

/** Print those that are not done, as graft_outcomes_print() does. */
void
graft_outcomes_print_refused(const struct graft_outcomes *outcomes,
			     const char *verb);

/**
 * Append the outcomes as one JSON object and a newline.
 *
 * @param[in] id Id of the hotpatch.
 * @param[in] done What was done, in one word.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_outcomes_print_json(const struct graft_outcomes *outcomes, const char *id,
			  const char *done, struct graft_text *text);

#endif /* GRAFT_CMD_OUTCOME_H */
