// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The build-id of a file on disk or in a package, read out of its notes alone: enough to say
 * which build lies there, where nothing else of it is needed.
 */

#ifndef GRAFT_PERSIST_BUILD_ID_H
#define GRAFT_PERSIST_BUILD_ID_H

#include <stdbool.h>
#include <stdint.h>

enum {
	/** Bytes of a build-id. */
	GRAFT_BUILD_ID_READ_MAX = 64,
};

/**
 * Read a build-id.
 *
 * @param[in] fd Seekable, untrusted; its offset is not used.
 * @param[in] off Where the file begins in it.
 * @param[in] size How long the file is.
 * @param[out] ret Its digits; as it was, if there is none.
 * @return false: it is no ELF file for x86-64 with a build-id, or cannot be read.
 */
bool
graft_build_id_read(int fd, uint64_t off, uint64_t size,
		    char ret[2 * GRAFT_BUILD_ID_READ_MAX + 1]);

#endif /* GRAFT_PERSIST_BUILD_ID_H */
