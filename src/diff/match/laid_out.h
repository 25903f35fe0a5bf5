// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A function's code, with that of what it calls in the place of the calls.
 *
 * A list of what the instructions do that tell something (shape.h), in their order,
 * and of the calls that they come from. Knows nothing of what it is compared with.
 */

#ifndef GRAFT_DIFF_LAID_OUT_H
#define GRAFT_DIFF_LAID_OUT_H

#include "diff/diff.h"

enum {
	/** Instructions that are laid out at most. */
	GRAFT_LAID_OUT_MAX = 1 << 14,
};

/** Code that stands in one place: the caller's own, or that of one call. */
struct graft_laid_out_site {
	uint32_t told;
	uint32_t found;
	/** Other code would do as well, and names other data. */
	bool alike;
};

/** Instructions that tell something, in their order. */
struct graft_laid_out {
	uint64_t *hashes;
	size_t hash_cap;
	uint32_t *insns;
	size_t insn_cap;
	/** Site of each. */
	uint32_t *places;
	size_t place_cap;
	/** 1 + index of what stands for it on the other side, or 0. */
	uint32_t *others;
	size_t other_cap;
	size_t count;
	struct graft_laid_out_site *sites;
	size_t site_count;
	size_t site_cap;
};

/**
 * Add a function's code, with that of what it calls and NEW's version does not.
 *
 * @param[in] diff With matches made and the data map filled.
 * @param[in] new_func NEW's version of the caller, or #GRAFT_NONE: @p func is one
 * of NEW.
 * @param[in] depth How many calls led here; 0 for the caller.
 * @param[in,out] s Zeroed, or with what was added before; free with
 * graft_laid_out_deinit(), also if this fails.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_laid_out_add(const struct graft_diff *diff, uint32_t func,
		   uint32_t new_func, unsigned depth, struct graft_laid_out *s);

/** Free what it owns. */
void
graft_laid_out_deinit(struct graft_laid_out *s);

#endif /* GRAFT_DIFF_LAID_OUT_H */
