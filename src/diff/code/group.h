// SPDX-License-Identifier: Apache-2.0

/** @file Which extents of code are one function, and where objects start. */

#ifndef GRAFT_DIFF_GROUP_H
#define GRAFT_DIFF_GROUP_H

#include "diff/code/code.h"

/**
 * Collect graft_code::starts and set graft_func::group.
 *
 * Extents are of one group if one jumps into the middle of the other, or if a
 * jump table of one leads into the other (`.cold` parts of a switch).
 *
 * @param[in,out] code With functions, instructions and references.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_group_make(struct graft_code *code);

#endif /* GRAFT_DIFF_GROUP_H */
