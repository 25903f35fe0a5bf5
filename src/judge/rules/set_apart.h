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

/**
 * judge an object that all who name it have for themselves, as copies of one
 * function: what one copy sets, another one may read. Refused too if its address is
 * taken.
 *
 * @param[in] piece A new writable object.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_check_copies_apart(struct graft_case *c, const struct graft_piece *piece);

#endif /* GRAFT_JUDGE_SET_APART_H */
