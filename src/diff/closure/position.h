// SPDX-License-Identifier: Apache-2.0

/** @file Programs at a fixed address: what of them cannot be carried. */

#ifndef GRAFT_DIFF_POSITION_H
#define GRAFT_DIFF_POSITION_H

#include "diff/closure/closure.h"

/**
 * Note as findings what ties builds to a fixed address: relocations that were not kept
 * or contradict the code, and absolute addresses that are not followed in what is
 * carried or replaced. And, wherever they are, code that reckons from the GOT.
 *
 * @param[in] closure All that is carried is known.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_position_check(struct graft_closure *closure);

#endif /* GRAFT_DIFF_POSITION_H */
