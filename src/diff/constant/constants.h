// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What comparisons of constants found out. Constants point to each other, in circles
 * too: what is being compared counts as equal meanwhile, and what was found equal on
 * such an assumption holds only if the outermost comparison says so.
 */

#ifndef GRAFT_DIFF_CONSTANTS_H
#define GRAFT_DIFF_CONSTANTS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/** What was compared already. */
struct graft_constants;

/** One question. */
struct graft_comparison {
	uint64_t old_addr;
	uint64_t new_addr;
	/** Bytes that are read right there, or 0 for the whole object. */
	uint64_t access;
};

/**
 * Make an empty memory of comparisons.
 *
 * @param[out] ret New constants; free with graft_constants_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_constants_make(struct graft_constants **ret);

/** Free constants. NULL is a no-op. */
void
graft_constants_free(struct graft_constants *constants);

/**
 * Say whether an answer is known, or assumed.
 *
 * @param[out] equal_ret The answer; written if true is returned.
 */
bool
graft_constants_know(const struct graft_constants *constants,
		     struct graft_comparison comparison, bool *equal_ret);

/** Let two count as equal until the outermost comparison ends, or they are denied.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_constants_assume(struct graft_constants *constants,
		       struct graft_comparison comparison);

/** Note for good that two differ. */
GRAFT_MUST_CHECK struct graft_error *
graft_constants_deny(struct graft_constants *constants,
		     struct graft_comparison comparison);

/** Begin a comparison, perhaps inside of another one.
 *
 * @return False if that are too many inside of each other: nothing began.
 */
bool
graft_constants_descend(struct graft_constants *constants);

/** End the comparison that began last. If it is the outermost one, what was assumed
 * is settled.
 *
 * @param[in] equal What it found.
 */
void
graft_constants_ascend(struct graft_constants *constants, bool equal);

#endif /* GRAFT_DIFF_CONSTANTS_H */
