// SPDX-License-Identifier: Apache-2.0

/** @file What was done at one place and is done at another, as far as a new object
 * does not say that it was. */

#ifndef GRAFT_JUDGE_DONE_AGAIN_H
#define GRAFT_JUDGE_DONE_AGAIN_H

#include "judge/case.h"

/**
 * judge a function that names a new object, and now does what another one
 * did before.
 *
 * @param[in] piece The new writable object.
 * @param[in] user The NEW function that names it, or a part of it.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_check_done_again(struct graft_case *c, const struct graft_piece *piece,
		       uint32_t user);

#endif /* GRAFT_JUDGE_DONE_AGAIN_H */
