// SPDX-License-Identifier: Apache-2.0

/** @file What `graft diff` prints of a hotpatch for people. */

#ifndef GRAFT_CMD_DIFF_TABLE_H
#define GRAFT_CMD_DIFF_TABLE_H

#include "base/text.h"
#include "diff/input/pairs.h"
#include "patch/patch.h"

#include <stdbool.h>

/**
 * Print a line for each module, its reasons below, and what is no module.
 *
 * @param[in] patch What came of the pairs.
 * @param[in] all The files that were compared, of @p count pairs of trees.
 * @param[in] color Use colors of terminals.
 * @param[in,out] text Gets the table.
 */
void
graft_diff_table_put(const struct graft_patch *patch,
		     struct graft_pairs *const *all, size_t count, bool color,
		     struct graft_text *text);

#endif /* GRAFT_CMD_DIFF_TABLE_H */
