// SPDX-License-Identifier: Apache-2.0

/** @file Files of targets: copied where they wait, and measured. */

#ifndef GRAFT_REPO_COPY_H
#define GRAFT_REPO_COPY_H

#include "base/error.h"
#include "base/sha256.h"

#include <stddef.h>
#include <stdint.h>

/** What files are called until they are whole, with a point and six characters behind it: no target has a
 * name that begins with a point. Who has the lock of a repository may remove them. */
#define GRAFT_COPY_BESIDE ".graft"

/** What a file is. */
struct graft_copy {
	uint64_t len;
	/** SHA-256. */
	char digits[2 * GRAFT_SHA256_LEN + 1];
};

/** A plain file that is to be copied. */
struct graft_copy_source {
	/** It is below this folder, and the way there has no link; NULL: it may. */
	const char *folder;
	const char *file;
};

/**
 * Copy a file under the name that a target of a path has.
 *
 * @param[in] folder Made if it is missing.
 * @return NULL; #GRAFT_ERROR_LIMIT if it is larger than clients take; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_UNSUPPORTED; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_copy_target(const struct graft_copy_source *source, const char *folder,
		  const char *path, struct graft_copy *ret);

/** Write bytes under such a name. */
GRAFT_MUST_CHECK struct graft_error *
graft_copy_bytes(const void *bytes, size_t len, const char *folder,
		 const char *path, struct graft_copy *ret);

/** Measure a plain file. @return As above; its links are not followed. */
GRAFT_MUST_CHECK struct graft_error *
graft_copy_measure(const char *file, struct graft_copy *ret);

#endif /* GRAFT_REPO_COPY_H */
