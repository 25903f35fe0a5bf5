// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which instructions run at the first use of something only, and never again in a
 * process: `if (!ready) { fill(); ready = 1; }`.
 *
 * Known are the static variables of functions of C++ (`__cxa_guard_acquire`), what
 * `pthread_once` and `call_once` are told to call, and what stands behind a test of
 * a variable with a name that is set there and that nobody ever clears. With them,
 * the functions that only such code calls.
 */

#ifndef GRAFT_JUDGE_FIRST_USE_H
#define GRAFT_JUDGE_FIRST_USE_H

#include "judge/case.h"
#include "judge/flow/op.h"

/**
 * Mark the instructions of a function that run at a first use only.
 *
 * @param[in] ops Of either side.
 * @param[in,out] marks One per instruction, all false before.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_first_use_mark(const struct graft_case *c, const struct graft_ops *ops,
		     bool *marks);

#endif /* GRAFT_JUDGE_FIRST_USE_H */
