// SPDX-License-Identifier: Apache-2.0

/** @file Where OLD code enters what is replaced, and whether a jump fits. */

#ifndef GRAFT_DIFF_ENTRY_H
#define GRAFT_DIFF_ENTRY_H

#include "diff/closure/closure.h"

/**
 * Fill graft_diff::entries, and note entries that a jump cannot catch.
 *
 * An OLD function needs a jump if something that stays can come to its start: a
 * branch of a function that is not replaced, a pointer in data, a symbol, the
 * program's entry point, or if nothing at all is known to come there.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_entry_find(struct graft_closure *closure);

#endif /* GRAFT_DIFF_ENTRY_H */
