// SPDX-License-Identifier: Apache-2.0

/** @file The arrays of a hotpatch's module while they are filled. Inside diff/ only. */

#ifndef GRAFT_DIFF_EMIT_H
#define GRAFT_DIFF_EMIT_H

#include "diff/diff.h"
#include "patch/patch.h"

#include <stddef.h>

/** Where the module's arrays are being filled. */
struct graft_emit {
	const struct graft_diff *diff;
	struct graft_patch_module *module;
	size_t redirect_cap;
	size_t fragment_cap;
	size_t carried_cap;
	size_t fix_cap;
	size_t import_cap;
	size_t slot_cap;
	size_t expect_cap;
};

/** Copy a name. NULL stays NULL. @param[out] ret To be freed with free(3). */
GRAFT_MUST_CHECK struct graft_error *
graft_emit_text(const char *text, char **ret);

/**
 * Fill in fixes, imports and OLD's slots.
 *
 * @return NULL; #GRAFT_ERROR_UNSUPPORTED (a short branch leaves what is carried).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_emit_references(struct graft_emit *emit);

#endif /* GRAFT_DIFF_EMIT_H */
