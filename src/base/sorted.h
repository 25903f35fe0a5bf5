// SPDX-License-Identifier: Apache-2.0

/** @file Questions to ascending lists of 64-bit values, answered by bisection. */

#ifndef GRAFT_BASE_SORTED_H
#define GRAFT_BASE_SORTED_H

#include <stddef.h>
#include <stdint.h>

/**
 * Count the values below another: the index of the first that is not.
 *
 * @param[in] list Ascending; values may stand in it more than once.
 * @param[in] count Number of them; with 0 the list may be NULL.
 */
static inline size_t
graft_sorted_below(const uint64_t *list, size_t count, uint64_t value)
{
	size_t low = 0;
	size_t high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (list[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/** Count the values up to another, itself too: the index of the first above it. */
static inline size_t
graft_sorted_up_to(const uint64_t *list, size_t count, uint64_t value)
{
	return value == UINT64_MAX ? count
				   : graft_sorted_below(list, count, value + 1);
}

/** Find the first value above another, or UINT64_MAX. */
static inline uint64_t
graft_sorted_next(const uint64_t *list, size_t count, uint64_t value)
{
	size_t at = graft_sorted_up_to(list, count, value);

	return at < count ? list[at] : UINT64_MAX;
}

#endif /* GRAFT_BASE_SORTED_H */
