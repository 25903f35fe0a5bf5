// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Find, among many words, those that point into pieces of code.
 *
 * The interval is that of return addresses: behind the start of a piece and up
 * to its end, for a call that does not return may be its last instruction. The
 * saved registers of signal frames are found on the way.
 */

#ifndef GRAFT_PROC_SCAN_H
#define GRAFT_PROC_SCAN_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct graft_range;

/** Sorted ranges. */
struct graft_scan;

/**
 * Sort ranges.
 *
 * @param[in] ranges Copied; any order, overlaps allowed; empty ones match
 * nothing.
 * @param[in] count How many; may be 0.
 * @param[out] ret Free with graft_scan_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_scan_new(const struct graft_range *ranges, size_t count,
	       struct graft_scan **ret);

/** Take a range that contains an address. @p range is the caller's index. */
typedef void (*graft_scan_range_fn)(void *arg, size_t range);

/**
 * Find the ranges that a word points into.
 *
 * @param[in] word The word.
 * @param[in] exact It is the address of the next instruction: start <= word <
 * end. Otherwise start < word <= end.
 * @param[in] fn Called for each range.
 * @param[in] arg Passed on.
 */
void
graft_scan_find(const struct graft_scan *scan, uint64_t word, bool exact,
		graft_scan_range_fn fn, void *arg);

/** A word that wants a closer look: it may point into a range, or it may be the
 * segment registers of a signal frame (graft_scan_is_frame()). */
typedef void (*graft_scan_word_fn)(void *arg, size_t off, uint64_t word);

/**
 * Look at each word of some bytes, in steps of eight from the first.
 *
 * @param[in] bytes Any alignment. A rest of less than eight is left out.
 * @param[in] len How many.
 * @param[in] fn Called for words that want a closer look.
 * @param[in] arg Passed on.
 */
void
graft_scan_words(const struct graft_scan *scan, const uint8_t *bytes,
		 size_t len, graft_scan_word_fn fn, void *arg);

/**
 * Whether a word looks like the segment registers that the kernel saves in a
 * signal frame: cs 0x33, gs and fs 0, any ss of user privilege. The three words
 * before it are then rsp, rip and the flags (sigcontext of x86-64).
 */
static inline bool
graft_scan_is_frame(uint64_t word)
{
	return (word & 0x0003ffffffffffffU) == 0x0003000000000033U;
}

/** Free. NULL is a no-op. */
void
graft_scan_free(struct graft_scan *scan);
GRAFT_DEFINE_CLEANUP(struct graft_scan, graft_scan_free)

#endif /* GRAFT_PROC_SCAN_H */
