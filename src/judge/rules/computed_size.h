// SPDX-License-Identifier: Apache-2.0

/** @file Sizes that are computed right before an allocator is called. */

#ifndef GRAFT_JUDGE_COMPUTED_SIZE_H
#define GRAFT_JUDGE_COMPUTED_SIZE_H

#include "judge/case.h"
#include "judge/flow/twin.h"

/**
 * compare what a size is computed from: what is added to it, what it is
 * multiplied by, how far it is shifted, which table it comes from. A size that is
 * a single number is compared elsewhere.
 *
 * @param[in] pair Two calls of one allocator.
 * @param[in] argument Which argument the size is, from 0.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_check_computed_size(struct graft_case *c, const struct graft_twin *twin,
			  const struct graft_twin_pair *pair, int argument);

#endif /* GRAFT_JUDGE_COMPUTED_SIZE_H */
