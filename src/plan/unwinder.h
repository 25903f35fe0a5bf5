// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * the unwinder of a process, and whether it can be told of carried code.
 */

#ifndef GRAFT_PLAN_UNWINDER_H
#define GRAFT_PLAN_UNWINDER_H

#include "base/error.h"
#include "plan/builds.h"
#include "plan/hook.h"
#include "plan/module.h"
#include "proc/maps.h"
#include "proc/target.h"

/**
 * Find how the unwinder of a process asks for frames.
 *
 * It must be one libgcc_s, whose code is that of its file, in which every call
 * of `_Unwind_Find_FDE` goes through one slot, and that slot must hold what the
 * dynamic linker or Graft put there. A second unwinder (LLVM's, one that is
 * linked into a module) would not be told.
 *
 * @param[in] target In any state but STOPPED.
 * @return NULL; #GRAFT_ERROR_REFUSED with the reason;
 * #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_unwinder_find(struct graft_target *target, const struct graft_maps *maps,
		    const struct graft_modules *modules,
		    struct graft_builds *builds, struct graft_unwinder *ret);

#endif /* GRAFT_PLAN_UNWINDER_H */
