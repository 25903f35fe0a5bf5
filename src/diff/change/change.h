// SPDX-License-Identifier: Apache-2.0

/** @file Which of the functions that match have changed. */

#ifndef GRAFT_DIFF_CHANGE_H
#define GRAFT_DIFF_CHANGE_H

#include "diff/diff.h"

/**
 * Set graft_func_match::only_lines of functions whose code differs in nothing but
 * line numbers. What they name is not compared.
 *
 * @param[in,out] diff With matches.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_change_find_lines(struct graft_diff *diff);

/**
 * Set graft_func_match::change on both sides.
 *
 * @param[in,out] diff With matches, lines, data map and constants.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_change_find(struct graft_diff *diff);

/** Say whether two relocated GOT slots hold the same thing. */
GRAFT_MUST_CHECK struct graft_error *
graft_change_same_slot(struct graft_diff *diff, uint64_t old_slot,
		       uint64_t new_slot, bool *ret);

/**
 * Say whether two references name the same place of the linker's frame, and what
 * stands before it is the same if the function reaches there.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_change_same_frame(struct graft_diff *diff, const struct graft_ref *o,
			const struct graft_ref *n, bool *ret);

/**
 * Compare what a pair of references names.
 *
 * @param[in] func NEW function that holds @p n; its counterpart holds @p o.
 * @param[in,out] change Bits of #graft_change are set if they differ.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_change_compare_refs(struct graft_diff *diff, uint32_t func,
			  const struct graft_ref *o, const struct graft_ref *n,
			  uint8_t *change);

#endif /* GRAFT_DIFF_CHANGE_H */
