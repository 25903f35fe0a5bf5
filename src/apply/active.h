// SPDX-License-Identifier: Apache-2.0

/** @file Who keeps a switch from being made, and how it is said. Inside apply/ only. */

#ifndef GRAFT_APPLY_ACTIVE_H
#define GRAFT_APPLY_ACTIVE_H

#include "base/error.h"
#include "plan/header.h"
#include "proc/stack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** A range that must be empty of threads, and what it is called. */
struct graft_active_place {
	uint64_t start;
	/** NULL: in carried code, to be looked up. */
	const char *name;
	/** It is no part of what a jump takes: who is there may be able to stay. */
	bool behind_jump;
};

/** A hit that keeps the way closed. */
struct graft_active_hit {
	struct graft_stack_hit hit;
	/** In which system call its thread is (proc/waiting.h); "": in none. */
	char waits[128];
	/** It is in one, and its registers there. */
	bool waiting;
	uint64_t sp;
	uint64_t pc;
};

/** Keep a hit of a stopped target, for graft_active_say() when it runs again. */
void
graft_active_note(struct graft_target *target,
		  const struct graft_stack_hit *hit,
		  struct graft_active_hit *ret);

/**
 * Say whether a hit is likely to be there still, without a stop: its word is unchanged, and
 * its thread sits in the same system call, or in one that it made from the same place.
 *
 * @param[in] pid The process, of which no thread is stopped.
 */
bool
graft_active_stays(pid_t pid, const struct graft_active_hit *hit);

/**
 * Choose the hit that keeps the way closed.
 *
 * Words in memory that point into the dynamic linker, whose ranges are the last
 * ones, are the addresses of its functions, which every process has: only threads
 * count there. A context that is suspended in the middle of a binding had its
 * stack switched away by a signal handler.
 *
 * @param[in] places What each range is.
 * @param[in] range_count How many ranges there are before those of the linker.
 * @param[in] may_stay Those behind a jump are in nobody's way.
 * @return NULL if the way is free; one that is in a jump's way before others.
 */
const struct graft_stack_hit *
graft_active_choose(const struct graft_stack_hit *hits, size_t count,
		    const struct graft_active_place *places, size_t range_count,
		    bool may_stay);

/** Count the threads, and suspended contexts, that are behind a jump. */
uint32_t
graft_active_count(const struct graft_stack_hit *hits, size_t count,
		   const struct graft_active_place *places, size_t range_count);

/**
 * Say what is in the way.
 *
 * @param[in] headers What is switched.
 * @param[in] place The range in which the hit is.
 * @param[in] could_stay It is proven that who is behind the jump could stay.
 * @return #GRAFT_ERROR_FUNCTION_ACTIVE, or no memory; never NULL.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_active_say(const struct graft_header *const *headers, size_t header_count,
		 const struct graft_active_place *place,
		 const struct graft_active_hit *hit, bool could_stay);

#endif /* GRAFT_APPLY_ACTIVE_H */
