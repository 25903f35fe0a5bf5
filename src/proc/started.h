// SPDX-License-Identifier: Apache-2.0

/** @file How and when a process was started. */

#ifndef GRAFT_PROC_STARTED_H
#define GRAFT_PROC_STARTED_H

#include "base/error.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Read the words that a process was started with, as far as it left them as they were.
 *
 * @param[out] text_ret New buffer that the caller frees: words, each with a NUL behind
 * it. Untrusted, and cut after 64 KiB.
 * @param[out] len_ret Bytes with those NULs; 0 of a process without memory.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_started_read_words(pid_t pid, char **text_ret, size_t *len_ret);

/**
 * Read which program a process runs.
 *
 * @param[out] ret Path as the reader of /proc sees it, without " (deleted)".
 * @return NULL; #GRAFT_ERROR_TARGET_GONE, also of a process without memory;
 * #GRAFT_ERROR_NOT_PERMITTED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_started_read_program(pid_t tid, char ret[PATH_MAX]);

/**
 * Compute when a process was started, by the clock of the calendar as it goes now: if
 * that was set since, the result moved with it.
 *
 * @param[in] start_ticks graft_proc_status::start_ticks.
 * @return Unix time in microseconds.
 */
uint64_t
graft_started_us(uint64_t start_ticks);

#endif /* GRAFT_PROC_STARTED_H */
