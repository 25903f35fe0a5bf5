// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which thread-local variable stands where, as symbols tell.
 */

#ifndef GRAFT_DIFF_THREAD_LOCAL_H
#define GRAFT_DIFF_THREAD_LOCAL_H

#include "diff/diff.h"

/** Get the segment that each thread has a copy of (PT_TLS), or NULL. */
const struct graft_segment *
graft_thread_local_segment(const struct graft_image *image);

/**
 * Say whether the symbols of both builds show one variable at an offset: the only
 * one of its name, and the only one there. Then it does not matter what the same
 * place of OLD's code names.
 *
 * @param[in] target Offset from where %fs points, as it stands in the code.
 */
bool
graft_thread_local_is_same(const struct graft_diff *diff, uint64_t target);

#endif /* GRAFT_DIFF_THREAD_LOCAL_H */
