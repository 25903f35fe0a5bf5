// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Works on processes, done in a guardian (proc/guardian.h).
 *
 *     intents -> ledger         of all jobs, in one transaction, synced
 *     process                   in the guardian, one after the other
 *     outcomes -> ledger        of all jobs, in one transaction
 *
 * The guardian does the half that touches the process, the tool the half that
 * writes the ledger (SQLite forbids to use a connection on both sides of a
 * fork). If only the guardian lives, it ends the job that it is at; the entries stay
 * open, and the next run reads the outcome off the processes.
 */

#ifndef GRAFT_APPLY_JOB_H
#define GRAFT_APPLY_JOB_H

#include "apply/entries.h"
#include "apply/switch.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "ledger/ledger.h"
#include "plan/sightings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * What is done to the process. Runs in the guardian.
 *
 * @param[in] target That of the job, taken up. What it is attached to or holds open then
 * is let go of afterwards.
 * @param[in] ctx That of the job.
 * @param[out] result Zeroes at first; sent back on error too.
 */
typedef struct graft_error *(*graft_job_fn)(struct graft_target *target,
					    const void *ctx,
					    struct graft_switch_result *result);

/** A work on one process, prepared, and what became of it. */
struct graft_job {
	/** Who, and what for: the intents. The name is borrowed from @ref ctx. */
	struct graft_entries_who who;
	enum graft_ledger_verb verb;
	/** What is put in or taken out: owned, the headers borrowed from @ref ctx. */
	const struct graft_header **headers;
	size_t header_count;
	graft_job_fn fn;
	/** The process, laid aside. Borrowed from @ref ctx. */
	struct graft_target *target;
	/** For @ref fn. Owned. */
	void *ctx;
	/** Frees @ref ctx. */
	void (*ctx_free)(void *ctx);

	/** How it went; also when it failed. */
	struct graft_switch_result result;
	/**
	 * NULL: it is done. Owned. Then nothing is changed in the process, unless the
	 * guardian was killed or graft_switch_result::unsettled is set; then the
	 * error says what became of it.
	 */
	struct graft_error *err;
	/** The guardian was killed: what it did is not known. */
	bool killed;
	struct graft_entries entries;
};

/** Free a job. NULL is a no-op. */
void
graft_job_free(struct graft_job *job);
GRAFT_DEFINE_CLEANUP(struct graft_job, graft_job_free)

/**
 * Do jobs, one after the other, in one guardian.
 *
 * The intents of all are on disk before the first process is touched.
 *
 * @param[in,out] jobs Of different processes; each gets what became of it.
 * @param[in] count How many; 0 is allowed.
 * @param[in] ledger Where intents and outcomes go.
 * @param[in] limits The same that the jobs were prepared with: what it keeps of code and
 * of who shares memory gets what the guardian saw, in whose memory the jobs add to it.
 */
void
graft_jobs_run(struct graft_job *const *jobs, size_t count,
	       struct graft_ledger *ledger,
	       const struct graft_switch_limits *limits);

#endif /* GRAFT_APPLY_JOB_H */
