// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Search the writable memory of a stopped process for words that point into
 * given pieces of code: the stacks of contexts that no thread runs now lie
 * there, with nothing that tells where.
 */

#ifndef GRAFT_PROC_CONTEXTS_H
#define GRAFT_PROC_CONTEXTS_H

#include "base/error.h"
#include "proc/live.h"
#include "proc/scan.h"

/** Take a word that points into a range. */
typedef void (*graft_contexts_word_fn)(void *arg, uint64_t addr, uint64_t word);

/**
 * Search writable memory that is present, shared or not, but for the live parts of
 * stacks and for what lies below them on a stack that is a thread's own.
 *
 * @param[in] view The process.
 * @param[in] live What was read of its stacks.
 * @param[in] scan The ranges.
 * @param[in] fn Called for each word that points into a range.
 * @param[in] arg Passed on.
 * @return NULL; #GRAFT_ERROR_REFUSED if there is too much memory;
 * #GRAFT_ERROR_OS; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_contexts_search(const struct graft_live_view *view,
		      const struct graft_live *live,
		      const struct graft_scan *scan, graft_contexts_word_fn fn,
		      void *arg);

#endif /* GRAFT_PROC_CONTEXTS_H */
