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

/** What is known of the functions of one build: each is looked at once for a case. */
struct graft_first_uses;

/** Make one in which nothing is known. @param[out] ret Free with
 * graft_first_uses_free(). */
GRAFT_MUST_CHECK struct graft_error *
graft_first_uses_make(const struct graft_code *code,
		      struct graft_first_uses **ret);

/** Free it. NULL is a no-op. */
void
graft_first_uses_free(struct graft_first_uses *uses);

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
