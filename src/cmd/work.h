// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What plan, apply and revert have in common: go over the processes that are
 * meant, do one thing to each, print what became of them.
 */

#ifndef GRAFT_CMD_WORK_H
#define GRAFT_CMD_WORK_H

#include "apply/job.h"
#include "apply/lock.h"
#include "apply/switch.h"
#include "cmd/options.h"
#include "cmd/outcome.h"
#include "ledger/ledger.h"
#include "patch/patch.h"
#include "plan/builds.h"
#include "plan/concerns.h"
#include "plan/hold.h"
#include "proc/sharers.h"

#include <stdbool.h>

struct graft_quarantine;
struct graft_work;

/**
 * Do it to one process.
 *
 * @param[in,out] outcome Has the pid; its other fields but `err` are filled.
 * @return NULL, or why it was not done.
 */
typedef struct graft_error *(*graft_work_fn)(struct graft_work *work,
					     struct graft_outcome *outcome);

/**
 * Prepare what is done to one process, which is alone.
 *
 * @param[in,out] outcome As for #graft_work_fn.
 * @param[out] ret New job; free with graft_job_free().
 */
typedef struct graft_error *(*graft_work_prepare_fn)(
	struct graft_work *work, struct graft_outcome *outcome,
	struct graft_job **ret);

/**
 * Say whether a process is meant by --all.
 *
 * @param[out] ret It is.
 * @return NULL; an error means that it is not.
 */
typedef struct graft_error *(*graft_work_filter_fn)(struct graft_work *work,
						    pid_t pid, bool *ret);

/** A work on processes. */
struct graft_work {
	/** Name of the verb, and what its success is called. */
	const char *verb;
	const char *done;
	/** The processes are stopped and changed: lock, ledger, pauses. */
	bool changes;
	const struct graft_options *options;
	/** Id of the hotpatch, and itself if the verb has it. */
	const char *id;
	struct graft_patch *patch;
	struct graft_builds *builds;
	/** For whom it is held alone; NULL: nobody is asked. Borrowed. */
	const struct graft_quarantine *quarantine;
	/** NULL unless @ref changes, and until the first process. Owned. */
	struct graft_ledger *ledger;
	struct graft_switch_limits limits;
	/** Processes that were worked on, and what was seen of all when they were
	 * more than a few. */
	uint64_t tried;
	struct graft_sharers sharers;
	/** The locks of those that are worked on. */
	struct graft_locks locks;
	/** What --all saw of files. */
	struct graft_concerns concerns;
	/** Where it saw the hotpatch. */
	struct graft_hold hold;
	/** The signal that ended the watch of canaries; 0: none. */
	int interrupted;
	/** Whom --all means; NULL: everybody who is named. */
	graft_work_filter_fn filter;
	/** Prepares the change; NULL unless @ref changes. */
	graft_work_prepare_fn prepare;
	/** Takes back what was done; NULL if the verb cannot. */
	graft_work_fn undo;
};

/**
 * Open the ledger to write to it.
 *
 * @param[out] ret New ledger; close with graft_ledger_close().
 * @return NULL, or what graft_ledger_open() returns; to who is not root it says first
 * that this is it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_work_open_ledger(struct graft_ledger **ret);

/**
 * Say first, to who is not root, that this is it, where the ledger or what lies beside it
 * cannot be read.
 *
 * @param[in] err NULL or an error; taken.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_work_say_root(struct graft_error *err);

/** Open the ledger of a work that changes processes, unless it is open. */
GRAFT_MUST_CHECK struct graft_error *
graft_work_ready(struct graft_work *work);

/**
 * Begin with a process: who is it?
 *
 * @param[in,out] outcome Has the pid, and start_ticks if it must be the one that was
 * tried before; gets name and start_ticks.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_REFUSED if it is ourselves.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_work_begin(struct graft_outcome *outcome);

/**
 * End with a process.
 *
 * @param[in] err Why it was not done, or NULL. Taken: the outcome gets it, as what
 * it means where the process ended or changed meanwhile. With --all
 * #GRAFT_ERROR_TARGET_GONE also where it became one that is not meant.
 */
void
graft_work_end(struct graft_work *work, struct graft_outcome *outcome,
	       struct graft_error *err);

/**
 * With many processes: see once for all who shares memory with whom.
 *
 * @param[in] count How many come now.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_work_see_sharers(struct graft_work *work, size_t count);

/**
 * Work on one process, alone and with nothing left over from earlier.
 *
 * @param[in,out] outcome As for #graft_work_fn.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_work_alone(struct graft_work *work, graft_work_fn fn,
		 struct graft_outcome *outcome);

/**
 * Work on one process.
 *
 * @param[in,out] outcome Has the pid, and start_ticks if it must be the one that was
 * tried before; all of it is filled.
 * @return NULL; an error of ours, not of the process.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_work_try(struct graft_work *work, graft_work_fn fn,
	       struct graft_outcome *outcome);

/**
 * Add what became of a process. With --all, who exited meanwhile, or became one that
 * is not meant, is not added.
 *
 * @param[in,out] outcome Its contents are taken; on error too.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_work_take(struct graft_work *work, struct graft_outcome *outcome,
		struct graft_outcomes *outcomes);

/** Do what graft_work::prepare prepares: a #graft_work_fn. */
GRAFT_MUST_CHECK struct graft_error *
graft_work_prepared(struct graft_work *work, struct graft_outcome *outcome);

/**
 * Note how a switch went.
 *
 * @param[in,out] outcome Of a #graft_work_fn; gets all but the error.
 * @param[in] err What the switch returned, or NULL. Borrowed.
 */
void
graft_work_note(struct graft_outcome *outcome,
		const struct graft_switch_result *result,
		const struct graft_error *err);

/** Prepare to take the hotpatch of a work out: a #graft_work_prepare_fn. */
GRAFT_MUST_CHECK struct graft_error *
graft_work_prepare_revert(struct graft_work *work,
			  struct graft_outcome *outcome,
			  struct graft_job **ret);

/** Take the hotpatch of a work out of a process: a #graft_work_fn. */
GRAFT_MUST_CHECK struct graft_error *
graft_work_revert(struct graft_work *work, struct graft_outcome *outcome);

/** Prepare to apply the hotpatch of a work: a #graft_work_prepare_fn. */
GRAFT_MUST_CHECK struct graft_error *
graft_work_prepare_apply(struct graft_work *work, struct graft_outcome *outcome,
			 struct graft_job **ret);

/** See whether the hotpatch of a work can be applied, and say how: a #graft_work_fn. */
GRAFT_MUST_CHECK struct graft_error *
graft_work_plan(struct graft_work *work, struct graft_outcome *outcome);

/**
 * Go over the processes.
 *
 * @param[in] filter For --all.
 * @param[in] fn For each.
 * @param[in,out] outcomes What became of each is added.
 * @return NULL; an error of ours, not of a process.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_work_do(struct graft_work *work, graft_work_filter_fn filter,
	      graft_work_fn fn, struct graft_outcomes *outcomes);

/** The process maps an old build of graft_work::patch: a #graft_work_filter_fn. */
GRAFT_MUST_CHECK struct graft_error *
graft_work_concerns(struct graft_work *work, pid_t pid, bool *ret);

/** The process holds the hotpatch graft_work::id: a #graft_work_filter_fn. */
GRAFT_MUST_CHECK struct graft_error *
graft_work_holds(struct graft_work *work, pid_t pid, bool *ret);

/**
 * Go over the processes and print the outcomes.
 *
 * @param[in] filter For --all.
 * @param[in] fn For each.
 * @param[out] status_ret Exit status.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_work_run(struct graft_work *work, graft_work_filter_fn filter,
	       graft_work_fn fn, int *status_ret);

#endif /* GRAFT_CMD_WORK_H */
