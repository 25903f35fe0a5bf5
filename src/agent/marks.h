// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Files of which the kernel tells who opens them: fanotify(7). They are old ones for
 * which there is a hotpatch, so that a library that is opened late is known at once.
 *
 * Nobody waits for us: these are notes, not questions.
 */

#ifndef GRAFT_AGENT_MARKS_H
#define GRAFT_AGENT_MARKS_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Files that are marked. */
struct graft_marks;

/** Told of a process that opened one. @param[in] fd The file, lent for the call. */
typedef void
graft_marks_fn(void *arg, pid_t pid, int fd);

/**
 * Begin to be told.
 *
 * @param[out] ret New; free with graft_marks_free().
 * @return NULL; #GRAFT_ERROR_OS where the kernel or our rights do not allow it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_marks_open(struct graft_marks **ret);

/** End it. NULL is a no-op. */
void
graft_marks_free(struct graft_marks *marks);
GRAFT_DEFINE_CLEANUP(struct graft_marks, graft_marks_free)

/** Get the descriptor that can be read when somebody opened one. */
int
graft_marks_fd(const struct graft_marks *marks);

/** Get how many files are marked. */
size_t
graft_marks_count(const struct graft_marks *marks);

/**
 * Mark the file that is open; once more does nothing. Where the file system knows no
 * marks it is left. With too many all others are forgotten.
 *
 * @param[in] fd Borrowed.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_marks_add(struct graft_marks *marks, int fd);

/**
 * Take what has come.
 *
 * @param[in] fn Told of each.
 * @param[out] lost_ret Some were lost.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_marks_take(struct graft_marks *marks, graft_marks_fn *fn, void *arg,
		 bool *lost_ret);

#endif /* GRAFT_AGENT_MARKS_H */
