// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Tables of distances to texts and other constants: `t[i]` bytes behind `t`.
 *
 * Their bytes say nothing of what they lead to, and what they lead to has no
 * other owner: two are the same if what they lead to is, and who carries one
 * carries that too.
 */

#ifndef GRAFT_DIFF_SPREAD_H
#define GRAFT_DIFF_SPREAD_H

#include "diff/closure/question.h"

/**
 * Count the entries of the table that a reference names.
 *
 * @return 0 if it is no such table.
 */
uint32_t
graft_spread_count(const struct graft_code *code, const struct graft_ref *ref);

/**
 * Say whether two such tables lead to the same things.
 *
 * @param[in] old_addr The table of OLD; @p new_addr that of NEW.
 * @param[in] count How many entries of both are compared.
 * @param[out] ret The answer.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_spread_same(struct graft_diff *diff, uint64_t old_addr, uint64_t new_addr,
		  uint32_t count, bool *ret);

/**
 * Carry what such a table of NEW leads to; the table itself is the caller's.
 *
 * @param[in] count Its entries.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_spread_carry(const struct graft_question *q, uint32_t count);

/**
 * Answer a question about a reference to such a table of NEW.
 *
 * @param[in] count Its entries, at least 1.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_question_spread(const struct graft_question *q, uint32_t count);

#endif /* GRAFT_DIFF_SPREAD_H */
