// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The unwind tables of carried code, as a hotpatch has them: one list of CIEs and
 * FDEs as in `.eh_frame`, of which only these forms are accepted:
 *
 *     CIE   version 1, "zR", "zRS", "zPLR" or "zPLRS"; a personality through a
 *           slot (`indirect | pcrel | sdata4`), all else `pcrel | sdata4`
 *     FDE   of carried code, ascending; its CIE stands before it
 *
 * Four zeroes end it.
 */

#ifndef GRAFT_PATCH_FRAMES_H
#define GRAFT_PATCH_FRAMES_H

#include "base/error.h"
#include "patch/patch.h"

/** One FDE. Addresses of NEW. */
struct graft_patch_frame {
	/** First byte of code, and how many. */
	uint64_t new_addr;
	uint64_t size;
	/** Where the FDE itself is. */
	uint64_t fde;
};

/**
 * Read the unwind tables of a module.
 *
 * @param[in] module One with unwind tables that does not lack its code.
 * @param[out] ret New array, ascending by address; free with free(3).
 * @param[out] count_ret How many.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_patch_frames_read(const struct graft_patch_module *module,
			struct graft_patch_frame **ret, size_t *count_ret);

#endif /* GRAFT_PATCH_FRAMES_H */
