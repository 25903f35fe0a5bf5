// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What an instruction does, whatever registers it does it with.
 *
 * A compiler that puts code somewhere else gives it other registers and another
 * frame. What stays is what is done, to how many bytes, at which distance behind a
 * pointer, with which number, and what is named by that: imports, texts, functions
 * and data that are known on both sides.
 */

#ifndef GRAFT_DIFF_SHAPE_H
#define GRAFT_DIFF_SHAPE_H

#include "diff/diff.h"

/**
 * Hash what the instructions of a function do.
 *
 * @param[in] diff With matches made and the data map filled.
 * @param[in] new_side Whether @p func is one of NEW.
 * @param[out] ret New array with an element for each instruction; free(3). 0: it
 * tells nothing (moves between registers and the frame, jumps within the
 * function, what begins and ends one).
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_shape_hash(const struct graft_diff *diff, bool new_side, uint32_t func,
		 uint64_t **ret);

#endif /* GRAFT_DIFF_SHAPE_H */
