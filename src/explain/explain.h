// SPDX-License-Identifier: Apache-2.0

/** @file Makes the explanation of a comparison. */

#ifndef GRAFT_EXPLAIN_EXPLAIN_H
#define GRAFT_EXPLAIN_EXPLAIN_H

#include "base/error.h"
#include "explain/explanation.h"

struct graft_diff;

/**
 * Make room for one module more; it is empty.
 *
 * @param[in,out] explanation Gets a module at the end.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_explain_add(struct graft_explanation *explanation);

/**
 * Explain what changed between two builds: all functions that are carried, or
 * would be if the verdict allowed it, and those that differ and stay.
 *
 * Of functions beyond a million instructions there are no rows.
 *
 * @param[in] diff Only what it remembers of constants changes.
 * @param[in,out] module Filled. On error it has what was done so far.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_explain_module(struct graft_diff *diff,
		     struct graft_explained_module *module);

#endif /* GRAFT_EXPLAIN_EXPLAIN_H */
