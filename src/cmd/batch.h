// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Several processes at once: their intents are one transaction, one guardian works on
 * them one after the other, and their outcomes are one transaction
 * (docs/decisions/batches.md).
 *
 * Who is not simply to be worked on (somebody else is at work there, or earlier work
 * was cut off) is worked on alone, after the others.
 */

#ifndef GRAFT_CMD_BATCH_H
#define GRAFT_CMD_BATCH_H

#include "cmd/turns.h"

enum {
	/** Most processes of one batch: so many are locked at once, and so long the
	 * first of them waits for its outcome to be written. */
	GRAFT_BATCH_MOST = 64,
};

/**
 * Work on several processes, and do not wait: who is not ready gets a turn later.
 *
 * @param[in,out] work Changes processes, with graft_work::prepare.
 * @param[in] pids Who, without repetition.
 * @param[in] count At most #GRAFT_BATCH_MOST.
 * @param[in,out] turns As for graft_turns_begin(), and so are the outcomes.
 * @return NULL; an error of ours, not of the processes.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_batch_run(struct graft_work *work, const pid_t *pids, size_t count,
		struct graft_turns *turns, struct graft_outcomes *outcomes);

#endif /* GRAFT_CMD_BATCH_H */
