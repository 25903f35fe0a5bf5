// SPDX-License-Identifier: Apache-2.0

/** @file Who keeps a switch from being made, and how it is said. Inside apply/ only. */

#ifndef GRAFT_APPLY_ACTIVE_H
#define GRAFT_APPLY_ACTIVE_H

#include "base/error.h"
#include "plan/header.h"
#include "proc/stack.h"

#include <stddef.h>
#include <stdint.h>

/** A range that must be empty of threads, and what it is called. */
struct graft_active_place {
	uint64_t start;
	/** NULL: in carried code, to be looked up. */
	const char *name;
};

/**
 * Choose the hit that keeps the way closed.
 *
 * Words in memory that point into the dynamic linker, whose ranges are the last
 * ones, are the addresses of its functions, which every process has: only threads
 * count there. A context that is suspended in the middle of a binding had its
 * stack switched away by a signal handler.
 *
 * @param[in] range_count How many ranges there are before those of the linker.
 * @return NULL if the way is free.
 */
const struct graft_stack_hit *
graft_active_choose(const struct graft_stack_hit *hits, size_t count,
		    size_t range_count);

/**
 * Say what is in the way.
 *
 * @param[in] headers What is switched.
 * @param[in] place The range in which the hit is.
 * @return #GRAFT_ERROR_FUNCTION_ACTIVE, or no memory; never NULL.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_active_say(const struct graft_header *const *headers, size_t header_count,
		 const struct graft_active_place *place,
		 const struct graft_stack_hit *hit);

#endif /* GRAFT_APPLY_ACTIVE_H */
