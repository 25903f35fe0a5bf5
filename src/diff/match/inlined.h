// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What functions of OLD that are gone, and whose code stands in their caller now,
 * show of the data that they named.
 *
 * OLD's version of the caller is laid out with their code in the place of the
 * calls, and put beside NEW's by what instructions do (shape.h). Where most of the
 * code of a callee is found again, in its order, it was inlined, and what its
 * instructions name goes with what those of NEW name. Registers, the frame and
 * jumps are another compiler's choice each time, so this is support: who asks
 * looks at the neighbours of a datum too.
 */

#ifndef GRAFT_DIFF_INLINED_H
#define GRAFT_DIFF_INLINED_H

#include "diff/diff.h"

/** An address of NEW's writable data and one of OLD's, named by instructions that
 * stand for each other. */
struct graft_inlined_pair {
	uint64_t new_addr;
	uint64_t old_addr;
};

/** What was shown by one function. */
struct graft_inlined {
	/** Which function of NEW; valid if @p known. */
	uint32_t func;
	bool known;
	struct graft_inlined_pair *pairs;
	size_t count;
	size_t cap;
};

/**
 * Look what a function of NEW shows of data by what was inlined into it.
 *
 * @param[in] diff With matches made and the data map filled.
 * @param[in,out] inlined Zeroed, or what is known of another function; unchanged
 * if it is of this one. Free with graft_inlined_deinit().
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_inlined_look(const struct graft_diff *diff, uint32_t new_func,
		   struct graft_inlined *inlined);

/** Free what it owns, and zero it. */
void
graft_inlined_deinit(struct graft_inlined *inlined);

/**
 * Say whether an address of NEW is one of OLD, as far as inlined code shows: where
 * one side names either, the other names the other, and somewhere they do.
 *
 * @param[in] inlined Of the function that names @p new_addr.
 */
bool
graft_inlined_shows(const struct graft_inlined *inlined, uint64_t new_addr,
		    uint64_t old_addr);

#endif /* GRAFT_DIFF_INLINED_H */
