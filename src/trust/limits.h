// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * How large metadata of a repository may be, and how much of it is asked for.
 *
 * Each is several times what the largest real repository needs. What exceeds one is
 * refused with #GRAFT_ERROR_LIMIT, before memory is taken for it where that can be.
 */

#ifndef GRAFT_TRUST_LIMITS_H
#define GRAFT_TRUST_LIMITS_H

#include <stdint.h>

enum {
	/** Arrays and objects inside each other. */
	GRAFT_TRUST_DEPTH_MAX = 32,
	/** Values and keys of one file. */
	GRAFT_TRUST_VALUES_MAX = 8 << 20,
	/** Bytes of one string: a public key in PEM has some hundred. */
	GRAFT_TRUST_STRING_MAX = 64 << 10,
	/** Signatures of one file; each may cost a verification. */
	GRAFT_TRUST_SIGNATURES_MAX = 256,
	/** Keys of one role. */
	GRAFT_TRUST_KEYS_MAX = 256,
	/** Bytes of one signature. */
	GRAFT_TRUST_SIGNATURE_MAX = 1024,
	/** Bits of an RSA key. */
	GRAFT_TRUST_RSA_BITS_MIN = 2048,
	GRAFT_TRUST_RSA_BITS_MAX = 8192,
	/** New roots that one update walks over. */
	GRAFT_TRUST_ROOTS_MAX = 256,
	/** Delegated roles that one search for a target looks into. */
	GRAFT_TRUST_VISITS_MAX = 32,
	/** Roles of targets of a repository, for who wants all of them. */
	GRAFT_TRUST_ROLES_MAX = 4096,
	/** Bytes of a pattern. */
	GRAFT_TRUST_PATTERN_MAX = 4096,
	/** Bytes of each file, if nothing that is signed says fewer. */
	GRAFT_TRUST_ROOT_BYTES = 512 << 10,
	GRAFT_TRUST_TIMESTAMP_BYTES = 64 << 10,
	GRAFT_TRUST_SNAPSHOT_BYTES = 8 << 20,
	GRAFT_TRUST_TARGETS_BYTES = 64 << 20,
};

/** A target: 8 GiB. */
#define GRAFT_TRUST_TARGET_BYTES ((uint64_t)8 << 30)

#endif /* GRAFT_TRUST_LIMITS_H */
