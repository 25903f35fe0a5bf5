// SPDX-License-Identifier: Apache-2.0

/** @file In what two descriptions of a release differ. */

#ifndef GRAFT_RELEASE_DIFFERENCES_H
#define GRAFT_RELEASE_DIFFERENCES_H

#include "base/error.h"
#include "base/text.h"
#include "release/release.h"

#include <stdbool.h>

/**
 * Compare two descriptions: there is one way to write each.
 *
 * @param[out] same_ret Whether they are the same.
 * @param[in,out] differences Gets the names of the members that differ, "date, cves"; empty.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_release_compare(const struct graft_release *one,
		      const struct graft_release *other, bool *same_ret,
		      struct graft_text *differences);

#endif /* GRAFT_RELEASE_DIFFERENCES_H */
