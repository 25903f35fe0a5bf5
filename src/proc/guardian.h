// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Work that ends even if we are killed.
 *
 * A target must not be left with half of its jumps written. So the work on it
 * is done by a guardian: a child of its own session that no terminal and no
 * signal to us reaches. Whoever kills us leaves it to finish. Who kills the
 * guardian itself (SIGKILL to its number, or to the whole control group) is
 * answered by the ledger at the next run.
 *
 * Between the two goes one message for each piece of work, whose length is checked.
 * Knows nothing of what the work is.
 */

#ifndef GRAFT_PROC_GUARDIAN_H
#define GRAFT_PROC_GUARDIAN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/**
 * The work. Runs in the guardian.
 *
 * ptrace(2) ties a tracee to the process that seized it: a target is opened or
 * at least attached to in here. Nothing else that belongs to a process may come
 * from outside: no database connection, no lock of fcntl(2) but of an open file.
 *
 * @param[in] ctx As given; a copy, for the guardian has its own memory.
 * @param[out] message Room for what is sent back.
 * @param[in] size Bytes at @p message.
 * @param[out] len_ret How many of them are sent; 0 before the call.
 * @return NULL, or an error that is sent instead of the message.
 */
typedef struct graft_error *(*graft_guardian_fn)(void *ctx, void *message,
						 size_t size, size_t *len_ret);

/**
 * Do work in a guardian and wait for its message.
 *
 * The calling process must have only one thread.
 *
 * @param[in] fn Work.
 * @param[in] ctx For @p fn; may be NULL.
 * @param[out] message Gets the message on success.
 * @param[in] size Bytes at @p message; at most 16 MiB.
 * @param[out] len_ret Length of the message.
 * @return NULL; what @p fn returned, with code and text but without errno;
 * #GRAFT_ERROR_OS if the guardian died without a word or could not start.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_guardian_run(graft_guardian_fn fn, void *ctx, void *message, size_t size,
		   size_t *len_ret);

/**
 * One of several pieces of work. Runs in the guardian, with what #graft_guardian_fn
 * says.
 *
 * @param[in] index Which piece.
 */
typedef struct graft_error *(*graft_guardian_piece_fn)(void *ctx, size_t index,
						       void *message,
						       size_t size,
						       size_t *len_ret);

/**
 * Take what became of one piece. Runs in the tool.
 *
 * @param[in] ctx As given.
 * @param[in] err What graft_guardian_run() would have returned; taken.
 * @param[in] dead No word came: what was done of the piece is not known.
 * @param[in] message The message, if @p err is NULL; for the call.
 */
typedef void (*graft_guardian_take_fn)(void *ctx, size_t index,
				       struct graft_error *err, bool dead,
				       const void *message, size_t len);

/** Several pieces of work. */
struct graft_guardian_work {
	graft_guardian_piece_fn fn;
	graft_guardian_take_fn take;
	/** For both; each side has its own copy from the start on. */
	void *ctx;
	size_t count;
	/** Longest message. */
	size_t size;
};

/**
 * Do pieces of work one after the other in one guardian.
 *
 * When the caller is killed, the guardian ends the piece that it is at and begins no
 * other. A guardian that is killed is followed by another one, for what it had not
 * begun. The calling process must have only one thread.
 *
 * @param[in] work Each piece is taken, exactly once and in order, when its guardian has
 * ended.
 */
void
graft_guardian_run_all(const struct graft_guardian_work *work);

#endif /* GRAFT_PROC_GUARDIAN_H */
