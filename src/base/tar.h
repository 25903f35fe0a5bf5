// SPDX-License-Identifier: Apache-2.0

/** @file A tar that is written beside its place, and put there when it is whole. */

#ifndef GRAFT_BASE_TAR_H
#define GRAFT_BASE_TAR_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct archive;

/** One that is being written. Begins as #GRAFT_TAR_NONE. */
struct graft_tar {
	struct archive *archive;
	int fd;
	/** Its name until it is whole. */
	char *beside;
};

/** None. */
#define GRAFT_TAR_NONE ((struct graft_tar){ .fd = -1 })

/**
 * Begin a tar.
 *
 * @param[in] file Where it is to be; nothing else than a file may be there.
 * @param[out] ret #GRAFT_TAR_NONE; graft_tar_deinit(), after an error too.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tar_begin(const char *file, struct graft_tar *ret);

/** Begin a file in it, of so many bytes. The same files are the same tar: no times, no owners. */
GRAFT_MUST_CHECK struct graft_error *
graft_tar_put_file(const struct graft_tar *tar, const char *path, uint64_t len);

/** Append bytes of the file that was begun. */
GRAFT_MUST_CHECK struct graft_error *
graft_tar_put_bytes(const struct graft_tar *tar, const void *bytes, size_t len);

/** End it, sync it, and give it its name: what was there is what it was, or this one. */
GRAFT_MUST_CHECK struct graft_error *
graft_tar_end(struct graft_tar *tar, const char *file);

/** Free it; one that did not get its name is removed. Also its guard. */
void
graft_tar_deinit(struct graft_tar *tar);

#endif /* GRAFT_BASE_TAR_H */
