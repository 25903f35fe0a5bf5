// SPDX-License-Identifier: Apache-2.0

/** @file Which build a process runs instead of the one that a hotpatch is for. */

#ifndef GRAFT_PLAN_MISMATCH_H
#define GRAFT_PLAN_MISMATCH_H

#include "base/error.h"
#include "patch/patch.h"
#include "plan/module.h"

/**
 * Say that a process maps no OLD of a hotpatch. Where it maps a file of the same
 * name, both build-ids are named.
 *
 * @param[in] modules What it maps.
 * @return #GRAFT_ERROR_BUILD_ID_MISMATCH, always.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_mismatch_say(const struct graft_modules *modules,
		   const struct graft_patch *patch);

#endif /* GRAFT_PLAN_MISMATCH_H */
