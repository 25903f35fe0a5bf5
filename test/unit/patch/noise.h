// SPDX-License-Identifier: Apache-2.0

/** @file Bytes without any pattern, the same in each run. */

#ifndef GRAFT_TEST_PATCH_NOISE_H
#define GRAFT_TEST_PATCH_NOISE_H

#include <stddef.h>
#include <stdint.h>

/** Get the next number of a row that begins with a seed (not 0). */
static inline uint64_t
noise_next(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * 0x2545f4914f6cdd1dU;
}

/** Fill bytes with the row of a seed. */
static inline void
noise_fill(uint8_t *bytes, size_t len, uint64_t seed)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(noise_next(&seed) >> 56);
}

#endif /* GRAFT_TEST_PATCH_NOISE_H */
