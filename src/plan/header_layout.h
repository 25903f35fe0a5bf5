// SPDX-License-Identifier: Apache-2.0

/** @file How a header page is laid out (docs/format-header.md). Private to the
 * files that encode and decode it. */

#ifndef GRAFT_PLAN_HEADER_LAYOUT_H
#define GRAFT_PLAN_HEADER_LAYOUT_H

#include "base/sha256.h"
#include "patch/limits.h"
#include "plan/header.h"

// All integers are little-endian.
//
//     0  magic "GRAFTHDR"   8  version u32   12  length u32
//    16  state u32, ~state u32, changed_us u64      (outside the checksum)
//    32  SHA-256 of all bytes with 16..63 zeroed
//    64  addr len base start end shadow_base created_us build_id_addr: u64 each
//   128  id, 32 hex digits
//   160  old build-id length u32, new build-id length u32
//   168  old build-id, 64 bytes; new build-id, 64 bytes
//   296  region, redirect, fragment and object count u32 each
//   312  the one before: addr u64, id, 32 hex digits or zeroes, check u64
//        (outside the checksum; format 1 does not have it)
//   360  title, module: length u32, bytes
//        regions: addr u64, len u64, prot u32, zero u32
//        redirects: entry u64, target u64, skip u32, original 5, jump 5,
//                   zero u16, name: length u32, bytes
//        fragments: addr u64, size u64, redirect u32, zero u32
//        objects: addr u64, size u64, identity 16 (not in format 1)

enum {
	VERSION_OFF = 8,
	SUM_OFF = 32,
	BODY_OFF = 64,
	ID_OFF = 128,
	/** Of what stands in front of the strings, in formats 1 and 2. */
	FIXED_SIZE_1 = GRAFT_HEADER_BEFORE_OFF,
	FIXED_SIZE = GRAFT_HEADER_BEFORE_OFF + GRAFT_HEADER_BEFORE_SIZE,
	REGION_SIZE = 24,
	REDIRECT_SIZE = 8 + 8 + 4 + 2 * GRAFT_JUMP_SIZE + 2 + 4,
	FRAGMENT_SIZE = 24,
	OBJECT_SIZE = 16 + GRAFT_PATCH_IDENTITY_SIZE,
	/** As in a hotpatch: what it may name, the page must be able to say. */
	NAME_MAX_LEN = GRAFT_PATCH_STRING_MAX,
};

_Static_assert(ID_OFF + GRAFT_PATCH_ID_LEN == GRAFT_HEADER_BEGIN_SIZE,
	       "the id is the end of what tells whose header it is");

/** What a header page begins with, #GRAFT_HEADER_MAGIC_SIZE bytes. */
static const char magic[] = "GRAFTHDR";

/**
 * Compute what stands behind address and id of the one before, so that a torn
 * write is seen (FNV-1a).
 */
uint64_t
graft_header_before_check(const uint8_t *bytes);

/**
 * Compute the checksum of an encoded header.
 *
 * @param[in] len At least FIXED_SIZE_1; in format 2, FIXED_SIZE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_header_sum(const uint8_t *bytes, size_t len,
		 uint8_t ret[GRAFT_SHA256_LEN]);

#endif /* GRAFT_PLAN_HEADER_LAYOUT_H */
