// SPDX-License-Identifier: Apache-2.0

/** @file SHA-256 of bytes and files (libcrypto does the work). */

#ifndef GRAFT_BASE_SHA256_H
#define GRAFT_BASE_SHA256_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
	/** Bytes of a SHA-256. */
	GRAFT_SHA256_LEN = 32,
};

/**
 * Hash bytes.
 *
 * @param[in] len Number of bytes. 0 is allowed.
 * @param[out] ret The hash.
 * @return NULL; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sha256(const void *bytes, size_t len, uint8_t ret[GRAFT_SHA256_LEN]);

/**
 * Hash a file, from its start whatever its offset is.
 *
 * @param[in] fd Open for reading, seekable; its offset is not changed.
 * @param[in] limit Bytes that are hashed at most: what stands behind is not read.
 * @param[out] ret The hash.
 * @return NULL; #GRAFT_ERROR_OS; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sha256_fd(int fd, uint64_t limit, uint8_t ret[GRAFT_SHA256_LEN]);

#endif /* GRAFT_BASE_SHA256_H */
