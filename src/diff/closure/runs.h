// SPDX-License-Identifier: Apache-2.0

/** @file Lay what is carried out in runs of bytes at its NEW addresses. */

#ifndef GRAFT_DIFF_RUNS_H
#define GRAFT_DIFF_RUNS_H

#include "diff/diff.h"
#include "patch/patch.h"

/**
 * Fill the runs of a module, and its carried bytes.
 *
 * What touches or overlaps with the same protection becomes one run. Pieces that
 * share a page get one protection that suits all of them.
 *
 * @return NULL; #GRAFT_ERROR_UNSUPPORTED if code and writable data share a page.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_runs_make(const struct graft_diff *diff,
		struct graft_patch_module *module);

#endif /* GRAFT_DIFF_RUNS_H */
