// SPDX-License-Identifier: Apache-2.0

/** @file Files that a process has open though they are no longer at their path. */

#ifndef GRAFT_PROC_OPEN_FILES_H
#define GRAFT_PROC_OPEN_FILES_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

/** An open file. */
struct graft_open_file {
	/** Its number in the process. */
	int number;
	/** Where it was, as the reader of /proc sees it; without " (deleted)". Owned. */
	char *path;
};

/** Some open files. */
struct graft_open_files {
	struct graft_open_file *files;
	size_t count;
};

/**
 * Find the plain files that a process has open and that were deleted, or replaced by a
 * rename.
 *
 * @param[in] tid A living thread of it.
 * @param[out] ret New; free with graft_open_files_free().
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NOT_PERMITTED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_open_files_find_deleted(pid_t tid, struct graft_open_files **ret);

/** Free them. NULL is a no-op. */
void
graft_open_files_free(struct graft_open_files *files);
GRAFT_DEFINE_CLEANUP(struct graft_open_files, graft_open_files_free)

/**
 * Open such a file anew.
 *
 * @param[out] fd_ret Read-only, with an offset of its own; the caller closes it.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if it is no plain file or open no more;
 * #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_open_file_open(pid_t tid, int number, int *fd_ret);

#endif /* GRAFT_PROC_OPEN_FILES_H */
