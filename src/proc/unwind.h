// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The call chain of a stopped thread, by its unwind tables alone.
 *
 * No frame pointers are followed and nothing is guessed: an address without an
 * FDE, a word that cannot be read, a frame that does not lie above the one
 * before (but for what a signal interrupted) end the chain as *lost*. Only a
 * frame whose FDE declares its return address undefined, as those of `_start`
 * and of the first frame of a thread do, ends it at its *root*; then the frames
 * that were shown are all there are.
 */

#ifndef GRAFT_PROC_UNWIND_H
#define GRAFT_PROC_UNWIND_H

#include "base/cleanup.h"
#include "base/error.h"
#include "proc/maps.h"
#include "proc/vmas.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct graft_tables;

/** One frame. */
struct graft_unwind_frame {
	/** Where it goes on. */
	uint64_t pc;
	/** Where @ref pc was found; 0 if in a register. */
	uint64_t addr;
	/** @ref pc is the next instruction (the innermost frame, or one that a
	 * signal interrupted); otherwise it is behind a call. */
	bool exact;
};

/**
 * Look at a frame.
 *
 * @return false to see no more.
 */
typedef bool (*graft_unwind_frame_fn)(void *arg,
				      const struct graft_unwind_frame *frame);

/** How a chain ended. */
enum graft_unwind_end {
	/** At its root: all frames were shown. */
	GRAFT_UNWIND_ROOT,
	/** It cannot be told what comes behind the last frame shown. */
	GRAFT_UNWIND_LOST,
	/** The callback wanted no more. */
	GRAFT_UNWIND_ENOUGH,
};

/** Prepared tables and buffers. */
struct graft_unwind;

/**
 * Prepare for a process. To be done before a stop.
 *
 * @param[in] pid Process, or any thread of it.
 * @param[in] maps Its mappings; borrowed for the call.
 * @param[in,out] tables As for graft_cfi_new().
 * @param[out] ret Free with graft_unwind_free().
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_unwind_new(pid_t pid, const struct graft_maps *maps,
		 struct graft_tables *tables, struct graft_unwind **ret);

/**
 * Begin with a new stop: what was read of the target's memory is forgotten.
 *
 * @param[in] tid A living thread, through which memory is read.
 * @param[in] vmas Asked whether modules are still there; borrowed until the next
 * begin. NULL: they are.
 */
void
graft_unwind_begin(struct graft_unwind *unwind, pid_t tid,
		   struct graft_vmas *vmas);

/**
 * Show the frames of a thread, the innermost first.
 *
 * @param[in] regs Its registers.
 * @param[in] frame Called for each.
 * @param[in] arg Passed on.
 * @return How the chain ended.
 */
enum graft_unwind_end
graft_unwind_run(struct graft_unwind *unwind,
		 const struct user_regs_struct *regs,
		 graft_unwind_frame_fn frame, void *arg);

/** Free. NULL is a no-op. */
void
graft_unwind_free(struct graft_unwind *unwind);
GRAFT_DEFINE_CLEANUP(struct graft_unwind, graft_unwind_free)

#endif /* GRAFT_PROC_UNWIND_H */
