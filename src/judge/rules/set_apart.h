// SPDX-License-Identifier: Apache-2.0

/** @file New objects that one way through a function sets and another reads. */

#ifndef GRAFT_JUDGE_SET_APART_H
#define GRAFT_JUDGE_SET_APART_H

#include "judge/case.h"

/**
 * judge an object that one function has to itself.
 *
 * @param[in] piece A new writable object.
 * @param[in] user The NEW function that names it, or a part of it.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_check_set_apart(struct graft_case *c, const struct graft_piece *piece,
		      uint32_t user);

#endif /* GRAFT_JUDGE_SET_APART_H */
