// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where a function reads rows of a constant table by an index that it finds in
 * memory: one that an earlier call may have left there.
 */

#ifndef GRAFT_JUDGE_KEPT_INDEX_H
#define GRAFT_JUDGE_KEPT_INDEX_H

#include "judge/flow/op.h"

enum {
	/** Most reads of one function that are kept. */
	GRAFT_KEPT_INDEXES_MAX = 32,
};

/** One such read. */
struct graft_kept_index {
	/** Index of the instruction that reads. */
	uint32_t at;
	/** Where the table begins. */
	uint64_t table;
	/** Bytes of a row. */
	uint32_t row;
	/** Rows say how far something is from the table. */
	bool distances;
};

/** All of a function. */
struct graft_kept_indexes {
	struct graft_kept_index list[GRAFT_KEPT_INDEXES_MAX];
	uint32_t count;
};

/**
 * Find the reads of a function. An index of one byte is left out: more often than
 * not it is a character.
 *
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_kept_indexes_read(const struct graft_ops *ops,
			struct graft_kept_indexes *ret);

#endif /* GRAFT_JUDGE_KEPT_INDEX_H */
