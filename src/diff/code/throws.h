// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * From where exceptions may come: which functions of a build may let one out.
 *
 * In doubt one may. C compiled without -fexceptions is passed by none: the
 * languages forbid it. An exception is also what ends a thread (pthread_exit(3),
 * pthread_cancel(3)): it runs the cleanups on its way.
 */

#ifndef GRAFT_DIFF_THROWS_H
#define GRAFT_DIFF_THROWS_H

#include "diff/code/code.h"

/**
 * Say whether a module knows of exceptions: its CIEs name a personality, or it
 * imports the unwinder.
 */
bool
graft_throws_known(const struct graft_image *image);

/**
 * Find the functions that an exception may come out of.
 *
 * @param[out] ret New array, one per function; free with free(3).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_throws_make(const struct graft_code *code, bool **ret);

/**
 * Find a call of a function from where an exception may come.
 *
 * @param[in] may From graft_throws_make().
 * @param[out] buf Name of what is called, NUL-terminated; long names are cut.
 * @return false if there is none.
 */
bool
graft_throws_find(const struct graft_code *code, const bool *may, uint32_t func,
		  char *buf, size_t len);

/**
 * Say whether an exception may come out of a function of the C library: it calls
 * back, runs initializers or handlers, or is a cancellation point.
 */
bool
graft_throws_libc(const char *name);

#endif /* GRAFT_DIFF_THROWS_H */
