// SPDX-License-Identifier: Apache-2.0

/** @file Arrays that grow: one function, for any element. */

#ifndef GRAFT_BASE_VEC_H
#define GRAFT_BASE_VEC_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/**
 * Make room for at least @p need elements.
 *
 * @param[in,out] array Pointer to the array's pointer (any type); may move.
 * @param[in,out] cap Elements that there is room for.
 * @param[in] need Elements that there must be room for.
 * @param[in] elem Size of one element in bytes.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY, and the array is as it was.
 */
GRAFT_MUST_CHECK static inline struct graft_error *
graft_vec_reserve(void *array, size_t *cap, size_t need, size_t elem)
{
	void **at = array;
	size_t count = *cap ? *cap : 16;

	if (need <= *cap)
		return NULL;
	while (count < need) {
		if (count > SIZE_MAX / 2)
			return graft_error_new(GRAFT_ERROR_NO_MEMORY,
					       "out of memory");
		count *= 2;
	}
	void *bigger = reallocarray(*at, count, elem);
	if (!bigger)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");
	*at = bigger;
	*cap = count;
	return NULL;
}

#endif /* GRAFT_BASE_VEC_H */
