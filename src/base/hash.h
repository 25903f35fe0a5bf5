// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A fast 64-bit hash for tables in memory. Not for files, not against attackers:
 * whoever finds two equal hashes compares the bytes.
 */

#ifndef GRAFT_BASE_HASH_H
#define GRAFT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Mix one 64-bit word into a hash. */
static inline uint64_t
graft_hash_mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
	return hash ^ (hash >> 29);
}

/** Mix @p len bytes into a hash. */
static inline uint64_t
graft_hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t word;

	for (; len >= 8; at += 8, len -= 8) {
		memcpy(&word, at, 8);
		hash = graft_hash_mix(hash, word);
	}
	word = (uint64_t)len << 56;
	memcpy(&word, at, len);
	return graft_hash_mix(hash, word);
}

#endif /* GRAFT_BASE_HASH_H */
