// SPDX-License-Identifier: Apache-2.0

/** @file A hotpatch held against the two builds that it was made from. */

#ifndef GRAFT_CMD_AGAINST_H
#define GRAFT_CMD_AGAINST_H

#include "base/error.h"

struct graft_patch;
struct graft_side;

/**
 * Prove of each module that OLD with the hotpatch does what NEW does, and print
 * what was proven or the first difference.
 *
 * Modules that are `baseline` are named and passed over; those of which both
 * builds have the same bytes need no proof.
 *
 * @param[in] old_side Holds the old builds, found by SHA-256.
 * @param[in] new_side Holds the new builds, likewise.
 * @param[in] patch Has its code (graft_old_complete()).
 * @return NULL; #GRAFT_ERROR_DIFFERENT, after the rest was checked too;
 * #GRAFT_ERROR_BAD_INPUT if a build of a module is not there; errors of
 * graft_check().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_against_check(const struct graft_side *old_side,
		    const struct graft_side *new_side,
		    const struct graft_patch *patch);

#endif /* GRAFT_CMD_AGAINST_H */
