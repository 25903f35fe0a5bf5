// SPDX-License-Identifier: Apache-2.0

/** @file Pair functions that changed by how much they still have in common. */

#ifndef GRAFT_DIFF_LIKENESS_H
#define GRAFT_DIFF_LIKENESS_H

#include "diff/diff.h"

/** Called for each pair that is found. */
typedef void
graft_likeness_pair_fn(struct graft_diff *diff, uint32_t old_func,
		       uint32_t new_func, enum graft_evidence evidence);

/**
 * Pair the functions without match of two ranges: the most alike first, those
 * with less than half of their instructions in common not at all. A single one
 * on each side needs only a quarter.
 *
 * @param[in] old_from First OLD function. @param[in] old_to One past the last.
 * @param[in] new_from First NEW function. @param[in] new_to One past the last.
 * @param[in] fn Called once a pair, with #GRAFT_EVIDENCE_ORDER.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_likeness_pair(struct graft_diff *diff, uint32_t old_from, uint32_t old_to,
		    uint32_t new_from, uint32_t new_to,
		    graft_likeness_pair_fn *fn);

#endif /* GRAFT_DIFF_LIKENESS_H */
