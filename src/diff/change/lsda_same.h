// SPDX-License-Identifier: Apache-2.0

/** @file Whether two functions do the same when an exception passes. */

#ifndef GRAFT_DIFF_LSDA_SAME_H
#define GRAFT_DIFF_LSDA_SAME_H

#include "diff/diff.h"

/**
 * Compare the language-specific data of two functions: the same calls land at
 * the same places, and catch the same types.
 *
 * Code does not show it: `catch (int &)` and `catch (long &)` may be the same
 * instructions.
 *
 * @param[in] of Function of OLD.
 * @param[in] nf Function of NEW whose code is that of @p of.
 * @param[out] ret Whether they do. Data that cannot be read are not the same,
 * unless both functions have none.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_lsda_same(struct graft_diff *diff, const struct graft_func *of,
		const struct graft_func *nf, bool *ret);

#endif /* GRAFT_DIFF_LSDA_SAME_H */
