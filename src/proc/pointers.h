// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which words of a running process point into given pieces of code, as those do that
 * a program keeps to call through. Nobody is stopped: it is what was seen while
 * the process ran on.
 */

#ifndef GRAFT_PROC_POINTERS_H
#define GRAFT_PROC_POINTERS_H

#include "base/error.h"
#include "proc/maps.h"
#include "proc/stack.h"
#include "proc/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What was found. */
struct graft_pointers {
	size_t count;
	/** Where the first one is, and where it leads to; 0 if there is none. */
	uint64_t addr;
	uint64_t value;
};

/**
 * Search private writable memory that is present. Words behind a call are left out:
 * they are return addresses, or were some on a stack that is gone.
 *
 * @param[in] target In any state.
 * @param[in] maps Its mappings; NULL: those that it has now.
 * @param[in] ranges Where pointers lead to.
 * @param[out] ret What was found; written on success.
 * @return NULL; #GRAFT_ERROR_LIMIT if there is more than a quarter of a GiB to be
 * searched; #GRAFT_ERROR_OS; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_pointers_find(struct graft_target *target, const struct graft_maps *maps,
		    const struct graft_range *ranges, size_t count,
		    struct graft_pointers *ret);

#endif /* GRAFT_PROC_POINTERS_H */
