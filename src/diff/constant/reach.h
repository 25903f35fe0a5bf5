// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * How far a constant may reach.
 *
 * An address that somebody takes need not be where an object starts: `t[i - 1]`
 * takes the address before `t`, `t[i + 4]` one inside, `p < t + 16` one past its
 * end. So a constant may go on behind the next address that is taken. It surely
 * ends where text begins or ends, at a jump table, at the end of the section, and
 * where a symbol says so; and, if its address is not that of a 32-bit number, at a
 * table of distances that code adds to its own start.
 */

#ifndef GRAFT_DIFF_REACH_H
#define GRAFT_DIFF_REACH_H

#include "diff/closure/closure.h"

/**
 * Find the next address that is taken, and say whether the constant at @p addr
 * may go on behind it.
 *
 * @param[out] next_ret The next start in the same section, or its end.
 */
bool
graft_reach_goes_on(const struct graft_code *code, uint64_t addr,
		    uint64_t *next_ret);

/** Find the last address at which the constant at @p addr may end. */
uint64_t
graft_reach_end(const struct graft_code *code, uint64_t addr);

/**
 * Find where what stands before @p addr may start, and @p addr be its end: the
 * address that is taken before it, or the start of the section.
 */
uint64_t
graft_reach_start(const struct graft_code *code, uint64_t addr);

/**
 * Let all addresses that a carried function takes of what may be one constant go
 * to the same copy of it.
 *
 * Where one of them goes to OLD and another to the shadow, or to places of OLD that
 * lie otherwise, all go to the shadow: `for (p = t; p < t + 16; p++)` never ends
 * if `t` and `t + 16` are of two copies.
 *
 * @param[in] first Index of the function's first resolution; they reach to the
 * last.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_reach_settle(struct graft_closure *closure, size_t first);

#endif /* GRAFT_DIFF_REACH_H */
