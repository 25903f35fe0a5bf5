// SPDX-License-Identifier: Apache-2.0

/** @file Memory of hotpatches that were replaced, and that nobody goes back to. */

#ifndef GRAFT_APPLY_SWEEP_H
#define GRAFT_APPLY_SWEEP_H

#include "apply/switch.h"
#include "base/error.h"
#include "proc/target.h"

enum {
	/**
	 * How many stay behind the one that is in. Two: an apply that is taken back leaves
	 * the one before where it was.
	 */
	GRAFT_SWEEP_BEFORE = 2,
};

/**
 * Let go of what is too far behind what is in, and give the memory of all that is out
 * and behind nothing back, where nothing leads there (apply/release.h).
 *
 * To be called when a switch is done and its pages say so. That memory stays is no
 * failure.
 *
 * @param[in,out] target State RUNNING; and after it.
 * @param[in,out] result Of that switch; #graft_switch_result::unsettled is set if
 * something is half given back, which recovery ends.
 * @return NULL, or why something was left half given back.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sweep(struct graft_target *target, struct graft_switch_result *result);

#endif /* GRAFT_APPLY_SWEEP_H */
