// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which function of OLD is which function of NEW.
 *
 * By symbol; by normal form together with what the references name (imports,
 * strings, functions that match); by the references of functions that match; by
 * order in the section; and what then is left between two neighbours that match,
 * by likeness. Each match remembers how it was found: whoever relies on it
 * asks for graft_func_match::evidence.
 *
 * A wrong match is not unsound by itself: every reference to a function is
 * compared under the matches, so code that relied on another pairing turns out as
 * changed.
 */

#ifndef GRAFT_DIFF_MATCH_H
#define GRAFT_DIFF_MATCH_H

#include "diff/diff.h"

/**
 * Match the functions of both sides.
 *
 * @param[in,out] diff With images and code; the match arrays are allocated.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_match_make(struct graft_diff *diff);

/**
 * Find the OLD address for a place of NEW's code that is in no function: a table
 * that an assembler put there and whose first bytes look like padding.
 *
 * It must stand behind a function that has the same form on both sides, before
 * one that matches, with the same bytes up to there on both sides.
 *
 * @param[out] ret OLD address, written if true is returned.
 */
bool
graft_match_between(const struct graft_diff *diff, uint64_t new_addr,
		    uint64_t *ret);

/** Say whether two functions have the same normal form, byte by byte. */
bool
graft_match_same_form(const struct graft_diff *diff, uint32_t old_func,
		      uint32_t new_func);

/** Say whether functions that surely match stand in another order than in OLD. */
bool
graft_match_is_reordered(const struct graft_diff *diff);

#endif /* GRAFT_DIFF_MATCH_H */
