// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The live parts of all stacks of a stopped process, and what points from them
 * into given pieces of code.
 *
 * A stack is live from 128 bytes below its stack pointer (the red zone of the
 * psABI) to its end. Its end is that of its mapping and of the writable ones
 * that follow without a gap; for a thread whose thread control block lies above
 * its stack pointer in the same memory, as libcs put it, it is there: frames are
 * below. Where the kernel saved registers for a signal, what was interrupted may
 * lie on another stack: that one is live from its saved stack pointer on. If
 * nothing leads to the thread's ordinary stack, that is read as a whole, and the
 * thread counts as *away*. In doubt more is read, never less.
 */

#ifndef GRAFT_PROC_LIVE_H
#define GRAFT_PROC_LIVE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "proc/scan.h"
#include "proc/target.h"
#include "proc/vmas.h"

/** A piece of memory that is, or may be, live. */
struct graft_live_part {
	/** Index of its thread. */
	size_t thread;
	uint64_t start;
	/** One past the last byte. */
	uint64_t end;
	/** Up to where it is read. */
	uint64_t at;
	/** It was given up for a better one. */
	bool dead;
	/** It ends at a thread control block that is still to be verified. */
	bool guessed;
	/** One more than the index of the part that its thread had before; 0 for
	 * none. */
	size_t before;
};

/** A stopped process, seen for its stacks. */
struct graft_live_view {
	const struct graft_thread *threads;
	size_t thread_count;
	pid_t pid;
	/** Mappings as they are in this stop. */
	struct graft_vmas *vmas;
	/** One past the last byte of the main thread's stack; 0 if unknown. */
	uint64_t main_end;
};

/**
 * Take a word that points into a range.
 *
 * @param[in] addr Where it was found.
 * @param[in] exact It is the saved pc of an interrupted context, not a return
 * address.
 */
typedef void (*graft_live_word_fn)(void *arg, size_t thread, uint64_t addr,
				   uint64_t word, bool exact);

/** Buffers for reading stacks. */
struct graft_live;
struct graft_batch;

/**
 * Make the buffers. To be done before a stop.
 *
 * @param[in] scan Borrowed until the buffers are freed.
 * @param[in] thread_count How many threads to expect.
 * @param[in,out] keep A batch to read with, which is taken, or NULL; gets ours when the
 * buffers are freed, until when it is borrowed. NULL: none is kept.
 * @param[out] ret Free with graft_live_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_live_new(const struct graft_scan *scan, size_t thread_count,
	       struct graft_batch **keep, struct graft_live **ret);

/**
 * Read all live parts.
 *
 * @param[in] view Borrowed for the call.
 * @param[in] fn Called for each word that points into a range.
 * @param[in] arg Passed on.
 * @return NULL; #GRAFT_ERROR_OS (EFAULT) if a stack cannot be read;
 * #GRAFT_ERROR_REFUSED if one has no end that can be told.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_live_run(struct graft_live *live, const struct graft_live_view *view,
	       graft_live_word_fn fn, void *arg);

/** Whether nothing led from a thread's stack pointer to its ordinary stack. */
bool
graft_live_is_away(const struct graft_live *live, size_t thread);

/**
 * Get the parts that the last run read.
 *
 * @param[out] count_ret How many.
 * @return Array, valid until the next run.
 */
const struct graft_live_part *
graft_live_parts(const struct graft_live *live, size_t *count_ret);

/** Free. NULL is a no-op. */
void
graft_live_free(struct graft_live *live);
GRAFT_DEFINE_CLEANUP(struct graft_live, graft_live_free)

#endif /* GRAFT_PROC_LIVE_H */
