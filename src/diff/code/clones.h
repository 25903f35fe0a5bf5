// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The end of `.data`, where start files take it.
 *
 * crtstuff.c of gcc names the start and the end of a table of transactional clones,
 * which nobody has: both are the end of `.data`, aligned as a pointer is, and what
 * follows there is no concern of theirs.
 */

#ifndef GRAFT_DIFF_CLONES_H
#define GRAFT_DIFF_CLONES_H

#include "diff/code/code.h"

/**
 * Find such references: sets graft_ref::clones.
 *
 * @param[in,out] code With functions, instructions and references.
 */
void
graft_clones_mark(struct graft_code *code);

#endif /* GRAFT_DIFF_CLONES_H */
