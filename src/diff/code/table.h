// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Jump tables: arrays of 32-bit distances from the table to places in code.
 *
 * gcc and clang both compile `switch` in position-independent code to
 * `lea table(%rip),%r; movslq (%r,%i,4),%t; add %r,%t; jmp *%t`.
 */

#ifndef GRAFT_DIFF_TABLE_H
#define GRAFT_DIFF_TABLE_H

#include "diff/code/code.h"

/**
 * Count the entries of a jump table.
 *
 * @param[in] func Index of the function that names it.
 * @param[in] addr Address that it names.
 * @param[in] max Most bytes that the table can have.
 * @return Entries that lead to instructions of @p func or of its group, up to
 * the first that does not; 0 if it is no jump table of that function.
 */
uint32_t
graft_table_count(const struct graft_code *code, uint32_t func, uint64_t addr,
		  uint64_t max);

/**
 * Count the entries of a table of distances to anything, from its start to the
 * first that leads nowhere: texts, constants, functions.
 *
 * @param[in] addr Address of the table, and what the distances count from.
 * @param[in] max Most bytes that the table can have.
 */
uint32_t
graft_table_spread(const struct graft_code *code, uint64_t addr, uint64_t max);

/** Get where entry @p i of a table leads. The entry must exist. */
uint64_t
graft_table_target(const struct graft_code *code, uint64_t addr, uint32_t i);

#endif /* GRAFT_DIFF_TABLE_H */
