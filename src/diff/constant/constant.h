// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Constants: where they end, and whether two are the same.
 *
 * Stripped files have no objects, only addresses that somebody names. An object
 * is taken to reach from its address to the next one whose address is taken (by
 * `lea` or by a relocation); single fields that are read directly do not end it.
 * Text reaches at least through its NUL.
 *
 * Two constants are the same if their bytes are and if the pointers in them go to
 * things that correspond, however deep.
 */

#ifndef GRAFT_DIFF_CONSTANT_H
#define GRAFT_DIFF_CONSTANT_H

#include "diff/diff.h"

enum {
	/** Shorter text, with its NUL, may as well be a number. */
	GRAFT_TEXT_SURE = 4,
	/** Padding between objects is at most this long. */
	GRAFT_PADDING_MAX = 63,
};

/**
 * Get how many bytes the object at @p addr has, at least 1, up to the end of its
 * section at most; 0 if there is no section.
 *
 * @param[in] code Side.
 */
uint64_t
graft_constant_extent(const struct graft_code *code, uint64_t addr);

/**
 * Read NUL-terminated text.
 *
 * @param[out] len_ret Bytes with the NUL.
 * @return The text, or NULL if there is none: at least one byte, all of them
 * printable ASCII, UTF-8 or white space.
 */
const char *
graft_constant_text(const struct graft_image *image, uint64_t addr,
		    uint64_t *len_ret);

/**
 * Say whether text is surely text: long enough, and well-formed UTF-8. Numbers
 * with a zero as last byte seldom are.
 *
 * @param[in] text As from graft_constant_text().
 * @param[in] len Bytes with the NUL.
 */
bool
graft_constant_is_sure(const char *text, uint64_t len);

/** Say whether bytes may be padding between objects: few, and zero. */
bool
graft_constant_is_padding(const struct graft_image *image, uint64_t addr,
			  uint64_t len);

/**
 * Compare two constants under the matches and the data map of a diff.
 *
 * What is found out is remembered in graft_diff::constants; of the diff itself
 * nothing changes.
 *
 * @param[in] access Bytes that are read right there, or 0 for the whole object.
 * @param[out] ret Whether they are the same.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_constant_equal(const struct graft_diff *diff, uint64_t old_addr,
		     uint64_t new_addr, uint64_t access, bool *ret);

/**
 * Compare what stands before two constants, as far as they may be its end.
 *
 * @param[out] ret Whether it is the same.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_constant_equal_before(const struct graft_diff *diff, uint64_t old_addr,
			    uint64_t new_addr, bool *ret);

/** Compare what two relocations put at their places. */
GRAFT_MUST_CHECK struct graft_error *
graft_constant_same_pointer(const struct graft_diff *diff,
			    const struct graft_reloc *o,
			    const struct graft_reloc *n, bool *ret);

#endif /* GRAFT_DIFF_CONSTANT_H */
