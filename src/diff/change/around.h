// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What an address that is part of an operand belongs to, in a program at a fixed
 * address.
 *
 * `mov table-8(,%rax,8),%rdx` names an address in front of its object, and the
 * relocation names no more than the section of a local one: the object may be any
 * that is near. So all of them have to stand as they did, with what they held.
 */

#ifndef GRAFT_DIFF_AROUND_H
#define GRAFT_DIFF_AROUND_H

#include "diff/diff.h"

/**
 * Say whether two folded addresses with an index reach the same object, whichever of
 * those around them it is.
 *
 * @param[in] o Reference of OLD, graft_ref::folded and _back; @p n of NEW.
 * @param[out] ret The answer; false also where nothing tells.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_around_same(struct graft_diff *diff, const struct graft_ref *o,
		  const struct graft_ref *n, bool *ret);

#endif /* GRAFT_DIFF_AROUND_H */
