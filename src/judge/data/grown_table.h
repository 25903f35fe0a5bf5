// SPDX-License-Identifier: Apache-2.0

/** @file Tables of rows that only got more rows at their end. */

#ifndef GRAFT_JUDGE_GROWN_TABLE_H
#define GRAFT_JUDGE_GROWN_TABLE_H

#include "diff/diff.h"

/**
 * Say whether a table of NEW is that of OLD with more rows before the one that
 * ends it.
 *
 * Rows hold a pointer each, at one place in all of them; the row that ends a
 * table is all zeroes, so that no row with a value can be taken for it. OLD's may
 * end without one, if what stands there is known to stand behind that row in NEW.
 * What OLD's rows say, NEW's rows of the same number say too.
 *
 * @param[in] old_addr Where the first row of OLD begins.
 * @param[in] new_addr Where the first row of NEW begins.
 * @param[out] ret Whether it is so.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_table_has_grown(const struct graft_diff *diff, uint64_t old_addr,
		      uint64_t new_addr, bool *ret);

#endif /* GRAFT_JUDGE_GROWN_TABLE_H */
