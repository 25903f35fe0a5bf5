// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Whether a function says which one another is that it names.
 *
 * Where only a number in its name tells a function from others (a lambda), one
 * that is put in front of it in its function takes its place there, in an
 * instruction of the same form. What stands beside it, the texts and objects that
 * the same function names, must be the same too, and so must not be its body that
 * of another one.
 */

#ifndef GRAFT_DIFF_BESIDE_H
#define GRAFT_DIFF_BESIDE_H

#include "diff/diff.h"

/** Say whether a NEW function has a name that only a number tells from others. */
bool
graft_beside_is_counted(const struct graft_diff *diff, uint32_t new_func);

/**
 * Say whether references at the same place of two functions that match show two
 * functions to be the same.
 *
 * @param[in] taker NEW function with a counterpart that names @p new_func where
 * that names @p old_func.
 * @return true also if the name of @p new_func tells, or if it has none.
 */
bool
graft_beside_tells(const struct graft_diff *diff, uint32_t taker,
		   uint32_t old_func, uint32_t new_func);

#endif /* GRAFT_DIFF_BESIDE_H */
