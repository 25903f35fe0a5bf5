// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Read many pieces of a process's memory with few system calls.
 *
 * A batch is filled, read and emptied, again and again; it allocates only when
 * it is made, and its memory is touched then.
 */

#ifndef GRAFT_PROC_BATCH_H
#define GRAFT_PROC_BATCH_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	/** Longest piece, in bytes. */
	GRAFT_BATCH_PIECE_MAX = 1 << 20,
};

/** A piece of memory. */
struct graft_batch_piece {
	/** Where it is in the target. */
	uint64_t addr;
	size_t len;
	/** The caller's. */
	size_t tag;
	/** How much of it could be read, from its start. */
	size_t got;
	/** The bytes. */
	const uint8_t *bytes;
};

/** Take a piece that was read, or of which only a part could be read. */
typedef void (*graft_batch_fn)(void *arg,
			       const struct graft_batch_piece *piece);

/** Pieces to read. */
struct graft_batch;

/**
 * Make a batch.
 *
 * @param[in] expected How many bytes will be read at once, likely: they are made ready, so
 * that no page fault costs time in a stop.
 * @param[out] ret Free with graft_batch_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_batch_new(size_t expected, struct graft_batch **ret);

/**
 * Take a batch that was used before, or make one: new memory of this size costs a tenth of
 * a millisecond.
 *
 * @param[in,out] keep Where one may be; NULL: nowhere.
 * @param[in] expected As for graft_batch_new().
 * @param[out] ret Hand it back with graft_batch_give().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_batch_take(struct graft_batch **keep, size_t expected,
		 struct graft_batch **ret);

/**
 * Hand a batch back, without the pieces that were noted and not read.
 *
 * @param[in] keep As for graft_batch_take().
 * @param[in] batch Taken; NULL is a no-op.
 */
void
graft_batch_give(struct graft_batch **keep, struct graft_batch *batch);

/** Forget all pieces that were noted and not read. */
void
graft_batch_clear(struct graft_batch *batch);

/**
 * Note a piece to read.
 *
 * @param[in] addr Its first address in the target.
 * @param[in] len 1 to #GRAFT_BATCH_PIECE_MAX bytes.
 * @param[in] tag Passed to the callback.
 * @return false if the batch is full: read it first.
 */
bool
graft_batch_add(struct graft_batch *batch, uint64_t addr, size_t len,
		size_t tag);

/**
 * Read all pieces, hand them over in their order, and be empty.
 *
 * @param[in] tid Any living thread of the process.
 * @param[in] fn Called for each piece. May not add to this batch.
 * @param[in] arg Passed on.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NOT_PERMITTED;
 * #GRAFT_ERROR_OS. That a piece is not readable is no error.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_batch_read(struct graft_batch *batch, pid_t tid, graft_batch_fn fn,
		 void *arg);

/** Free. NULL is a no-op. */
void
graft_batch_free(struct graft_batch *batch);
GRAFT_DEFINE_CLEANUP(struct graft_batch, graft_batch_free)

#endif /* GRAFT_PROC_BATCH_H */
