// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Who else says that two functions are the same, when only their order does.
 *
 * A function whose address memory may hold is called by whoever finds it there.
 * If it was matched by order or likeness alone, its pointers are asked: a slot of
 * data, or a `lea` of functions that match, that holds the OLD function in OLD
 * and the NEW one in NEW.
 */

#ifndef GRAFT_DIFF_WITNESS_H
#define GRAFT_DIFF_WITNESS_H

#include "diff/diff.h"

/**
 * Find which matches of OLD functions pointers confirm.
 *
 * @param[out] ret One per OLD function, all false on entry.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_witness_find(const struct graft_diff *diff, bool *ret);

#endif /* GRAFT_DIFF_WITNESS_H */
