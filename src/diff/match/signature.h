// SPDX-License-Identifier: Apache-2.0

/** @file A function's normal form together with what its references name. */

#ifndef GRAFT_DIFF_SIGNATURE_H
#define GRAFT_DIFF_SIGNATURE_H

#include "diff/diff.h"

/**
 * Hash a function so that counterparts have the same hash on both sides.
 *
 * Beside the normal form it takes in what is known of each reference by now:
 * imported symbols, text, numbers that are read directly, functions that match.
 * What is not known yet counts as nothing.
 */
uint64_t
graft_signature(const struct graft_diff *diff, bool new_side, uint32_t func);

/**
 * Hash what a reference names, so that counterparts have the same hash on both
 * sides. Writable data count as one.
 *
 * @param[in] ref Reference of NEW if @p new_side, else of OLD.
 */
uint64_t
graft_signature_ref(const struct graft_diff *diff, bool new_side,
		    const struct graft_ref *ref);

#endif /* GRAFT_DIFF_SIGNATURE_H */
