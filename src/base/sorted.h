// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Questions to ascending lists of 64-bit values, and of structures with one that
 * ascends, answered by bisection.
 */

#ifndef GRAFT_BASE_SORTED_H
#define GRAFT_BASE_SORTED_H

#include <stddef.h>
#include <stdint.h>

/**
 * Count the structures whose member is below a value: the index of the first whose
 * member is not. GRAFT_SORTED_BELOW() calls it.
 *
 * @param[in] list Ascending by the member, which may be the same in several.
 * @param[in] count Number of them; with 0 the list may be NULL.
 * @param[in] size Bytes of one.
 * @param[in] off Where in it its member is, an aligned uint64_t.
 */
static inline size_t
graft_sorted_members_below(const void *list, size_t count, size_t size,
			   size_t off, uint64_t value)
{
	const uint8_t *bytes = list;
	size_t low = 0;
	size_t high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (*(const uint64_t *)(bytes + middle * size + off) < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/** The offset of a member of the elements of a list, which is a uint64_t. */
#define GRAFT_SORTED_OFF(list, member)                                         \
	(offsetof(__typeof__(*(list)), member) +                               \
	 0 * sizeof(char[__builtin_types_compatible_p(                         \
				 uint64_t, __typeof__((list)->member))         \
				 ? 1                                           \
				 : -1]))

/** Count the elements of a list whose member is below a value. */
#define GRAFT_SORTED_BELOW(list, count, member, value)                         \
	graft_sorted_members_below((list), (count), sizeof(*(list)),           \
				   GRAFT_SORTED_OFF(list, member), (value))

/** Count those whose member is not above a value. */
#define GRAFT_SORTED_UP_TO(list, count, member, value)                         \
	((value) == UINT64_MAX                                                 \
		 ? (count)                                                     \
		 : GRAFT_SORTED_BELOW(list, count, member, (value) + 1))

/**
 * Count the values below another: the index of the first that is not.
 *
 * @param[in] list Ascending; values may stand in it more than once.
 * @param[in] count Number of them; with 0 the list may be NULL.
 */
static inline size_t
graft_sorted_below(const uint64_t *list, size_t count, uint64_t value)
{
	return graft_sorted_members_below(list, count, sizeof(*list), 0, value);
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
