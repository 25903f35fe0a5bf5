// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which threads of a stopped target are inside given pieces of code.
 *
 * Two passes. The first is conservative and fast: every word of the live part of
 * each stack, and every register, that points behind the start of a range and up
 * to its end is a hit. No hit proves that no frame is there. The second is
 * precise and only for threads with hits: an unwind by FDEs alone which, if it
 * reaches a known root without meeting a range, dismisses them.
 */

#ifndef GRAFT_PROC_STACK_H
#define GRAFT_PROC_STACK_H

#include "proc/maps.h"
#include "proc/target.h"

/** A piece of code in the target. */
struct graft_range {
	uint64_t start;
	/** One past the last byte. */
	uint64_t end;
};

/** A thread that is, or may be, inside a range. */
struct graft_stack_hit {
	/** The thread; 0 for a word in memory that is no thread's stack
	 * (graft_stack_check_set_contexts()). */
	pid_t tid;
	/** Index of the range. */
	size_t range;
	/** The program counter or return address that points into it. */
	uint64_t pc;
	/** Where the word was found; 0 if in a register. */
	uint64_t addr;
	/** An unwind met this frame; otherwise it could not be dismissed. */
	bool certain;
};

/**
 * What a check needs that can be made before the stop: sorted ranges, buffers,
 * stack limits, unwind tables of the modules.
 *
 * Without tables the first pass is all there is, and what it cannot tell is said
 * (graft_stack_check_is_unsure()): of most processes of few threads it proves all, and
 * to open tables for nothing takes longer than a second stop.
 */
struct graft_stack_check;

/**
 * Prepare a check.
 *
 * @param[in] target In state ATTACHED or RUNNING. Borrowed until the check is
 * freed.
 * @param[in] maps Mappings of the target. Borrowed until the check is freed.
 * @param[in] ranges Copied. Need not be sorted.
 * @param[in] count Number of ranges; may be 0.
 * @param[out] ret New check; free with graft_stack_check_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_stack_check_new(struct graft_target *target,
		      const struct graft_maps *maps,
		      const struct graft_range *ranges, size_t count,
		      struct graft_stack_check **ret);

/**
 * Open the unwind tables of the modules, for the second pass. To be done before a stop.
 *
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_stack_check_open_tables(struct graft_stack_check *check);

/**
 * Choose whether writable memory is searched too, for the stacks of suspended
 * contexts (makecontext(3), fibres on sigaltstack(2), other libraries'
 * coroutines). A hit there cannot be dismissed. Off at first; to be set where
 * the process can have such contexts.
 *
 * It makes the stop longer, by about 0.4 ms for each MiB that the process has
 * in use; with more than 1 GiB the check is refused.
 */
void
graft_stack_check_set_contexts(struct graft_stack_check *check, bool contexts);

/**
 * Look at every thread of a stopped target. One that does not come back within seconds
 * ends us (proc/fuse.h).
 *
 * @param[out] hits_ret Hits that remain, one per thread and range; valid until
 * the next run or the check is freed.
 * @param[out] count_ret How many; 0 proves that no thread is inside.
 * @return NULL; #GRAFT_ERROR_OS if a stack cannot be read; #GRAFT_ERROR_REFUSED
 * if it cannot be told where a stack is, or if there is too much to read;
 * #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_stack_check_run(struct graft_stack_check *check,
		      const struct graft_stack_hit **hits_ret,
		      size_t *count_ret);

/**
 * Say whether the last run had hits that tables, had they been open, might have
 * dismissed. Its hits mean nothing then.
 */
bool
graft_stack_check_is_unsure(const struct graft_stack_check *check);

/** Free a check. NULL is a no-op. */
void
graft_stack_check_free(struct graft_stack_check *check);
GRAFT_DEFINE_CLEANUP(struct graft_stack_check, graft_stack_check_free)

#endif /* GRAFT_PROC_STACK_H */
