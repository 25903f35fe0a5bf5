// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Counts that a function takes back: `depth++`, work, `depth--`.
 *
 * Where every way through a function leaves what is counted as it found it, the
 * function keeps nothing there, and only what it calls in between sees its count.
 */

#ifndef GRAFT_JUDGE_TAKEN_BACK_H
#define GRAFT_JUDGE_TAKEN_BACK_H

#include "judge/case.h"
#include "judge/flow/twin.h"

/**
 * Say whether what two instructions add in place is taken back by both functions,
 * on every way to where they end, and what NEW calls in between finds no other
 * count there than what OLD called.
 *
 * @param[in] o Index in the OLD ops; @p n in the NEW ones.
 * @param[out] ret False where it cannot be seen, too.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_taken_back(const struct graft_case *c, const struct graft_twin *twin,
		 uint32_t o, uint32_t n, bool *ret);

#endif /* GRAFT_JUDGE_TAKEN_BACK_H */
