// SPDX-License-Identifier: Apache-2.0

/** @file Align two sequences of hashes: what stayed, in order. */

#ifndef GRAFT_DIFF_ALIGN_H
#define GRAFT_DIFF_ALIGN_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/** An element of each sequence, equal. */
struct graft_align_pair {
	uint32_t a;
	uint32_t b;
};

/**
 * Find a long common subsequence.
 *
 * Elements that are unique on both sides are anchors (patience diff); between
 * anchors the longest common subsequence is exact as long as the product of the
 * lengths stays under a bound, and left out beyond it. So the work is linear
 * but for constants in what did not change.
 *
 * @param[in] a First sequence. @param[in] a_count Its length.
 * @param[in] b Second sequence. @param[in] b_count Its length.
 * @param[out] ret New array of pairs, ascending on both sides; free(3).
 * @param[out] count_ret Its length.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_align(const uint64_t *a, size_t a_count, const uint64_t *b,
	    size_t b_count, struct graft_align_pair **ret, size_t *count_ret);

#endif /* GRAFT_DIFF_ALIGN_H */
