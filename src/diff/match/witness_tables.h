// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Tables of pointers that no code names, as witnesses of functions.
 *
 * A table of commands or of methods is often reached through one pointer in an
 * object that has a name. Such a pointer is followed on both sides; what is
 * found there is read side by side, from its start, for as long as both sides
 * say the same: the same numbers, the same texts, functions that match. A
 * function that stands there on both sides is confirmed. It ends at the first
 * difference, since something may have been put in there, and where anything is
 * known to begin, since the next object may be another one.
 */

#ifndef GRAFT_DIFF_WITNESS_TABLES_H
#define GRAFT_DIFF_WITNESS_TABLES_H

#include "diff/diff.h"

/**
 * Find which matches of OLD functions such tables confirm.
 *
 * @param[in,out] ret One per OLD function; those that are confirmed are set.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_witness_tables(const struct graft_diff *diff, bool *ret);

#endif /* GRAFT_DIFF_WITNESS_TABLES_H */
