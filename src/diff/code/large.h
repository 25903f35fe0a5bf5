// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Code of the models `medium` and `large`. That which may stand anywhere takes the address
 * of the GOT, and adds to it, as a number of 64 bits, how far from there a function or an
 * object is. At a fixed address a register gets the address of a function in 64 bits, and
 * the call goes through that. No instruction names either, so such code is not followed.
 */

#ifndef GRAFT_DIFF_LARGE_H
#define GRAFT_DIFF_LARGE_H

#include "diff/code/code.h"

/**
 * Mark a function as bound to its place (#GRAFT_BOUND_DISTANCE) if it reckons from the
 * GOT, or calls through such a register.
 *
 * @param[in,out] func One of @p code, decoded.
 */
void
graft_large_mark(const struct graft_code *code, struct graft_func *func);

#endif /* GRAFT_DIFF_LARGE_H */
