// SPDX-License-Identifier: Apache-2.0

/** @file Tables of constants whose rows stand in another order. */

#ifndef GRAFT_JUDGE_MOVED_ROWS_H
#define GRAFT_JUDGE_MOVED_ROWS_H

#include "diff/diff.h"

/** A table of rows. */
struct graft_table_rows {
	uint64_t addr;
	/** Bytes of a row. */
	uint32_t size;
	/** Bytes that are read of it. */
	uint32_t width;
	/** Rows say how far something is from the table, in 32 bits. */
	bool distances;
};

/**
 * Say whether a row that OLD's table has once stands in NEW's table once, and
 * elsewhere. A row of one byte is none, nor one of nothing but zeroes, nor one of
 * a table that jumps are made by. Where the table is no whole number of rows, it
 * begins inside of one, and what is read of each is compared.
 *
 * @param[out] ret Whether there is one.
 * @param[out] from_ret Its number in OLD, from 0; written if there is one.
 * @param[out] to_ret Its number in NEW.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_rows_moved(const struct graft_diff *diff,
		 const struct graft_table_rows *o,
		 const struct graft_table_rows *n, bool *ret,
		 uint64_t *from_ret, uint64_t *to_ret);

#endif /* GRAFT_JUDGE_MOVED_ROWS_H */
