// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Read the memory of a process that is there: pages that were never written, or given
 * back, are left out.
 */

#ifndef GRAFT_PROC_PRESENT_H
#define GRAFT_PROC_PRESENT_H

#include "base/cleanup.h"
#include "base/error.h"
#include "proc/batch.h"

#include <stdint.h>
#include <sys/types.h>

/** A reading of memory. */
struct graft_present;

/**
 * Begin.
 *
 * @param[in] tid Any living thread of the process.
 * @param[in] limit Bytes that are read at most.
 * @param[in] expected As for graft_batch_new(): 0 where nobody is stopped meanwhile.
 * @param[in] fn Called for each piece; what of it cannot be read (a page of a device,
 * a poisoned one) is left out.
 * @param[in] arg Passed on.
 * @param[in,out] keep As for graft_batch_take(); outlives what this makes.
 * @param[out] ret Free with graft_present_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_present_new(pid_t tid, uint64_t limit, size_t expected, graft_batch_fn fn,
		  void *arg, struct graft_batch **keep,
		  struct graft_present **ret);

/**
 * Read what is present of some whole pages, now or later.
 *
 * @return NULL; #GRAFT_ERROR_LIMIT if there is too much; #GRAFT_ERROR_OS;
 * #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_present_add(struct graft_present *present, uint64_t start, uint64_t end);

/** Read bytes that are known to be there, now or later. As graft_present_add(). */
GRAFT_MUST_CHECK struct graft_error *
graft_present_add_bytes(struct graft_present *present, uint64_t start,
			uint64_t end);

/** Read all that was added. */
GRAFT_MUST_CHECK struct graft_error *
graft_present_flush(struct graft_present *present);

/** Free. NULL is a no-op. */
void
graft_present_free(struct graft_present *present);
GRAFT_DEFINE_CLEANUP(struct graft_present, graft_present_free)

#endif /* GRAFT_PROC_PRESENT_H */
