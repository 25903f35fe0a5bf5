// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * In which order processes are worked on: canaries first, then the rest, then who
 * appeared meanwhile; and all that was done is taken back where that was asked for.
 */

#ifndef GRAFT_CMD_ROLLOUT_H
#define GRAFT_CMD_ROLLOUT_H

#include "cmd/work.h"

/**
 * Work on the processes that the options name.
 *
 * With --all the processes of the host are looked through again until nobody new is
 * concerned. With --canary N the first N that are done are watched for --watch
 * seconds before the rest; if one of them ends meanwhile, or executes another program,
 * the others are taken back and the rest is left. A signal that would end us ends the
 * watch: graft_work::interrupted is set, and all stays as it is. With --all-or-none a refusal takes back what was done.
 *
 * @param[in] filter For --all.
 * @param[in] fn For each.
 * @param[in,out] outcomes What became of each is added.
 * @return NULL; an error of ours, not of a process.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_rollout_run(struct graft_work *work, graft_work_filter_fn filter,
		  graft_work_fn fn, struct graft_outcomes *outcomes);

#endif /* GRAFT_CMD_ROLLOUT_H */
