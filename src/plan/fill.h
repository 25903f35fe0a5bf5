// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The contents of a planned shadow, once its place is known. Inside plan/ only.
 */

#ifndef GRAFT_PLAN_FILL_H
#define GRAFT_PLAN_FILL_H

#include "plan/find.h"
#include "plan/plan.h"
#include "plan/scope.h"

/** Everything that is looked at while a plan is made. */
struct graft_making {
	struct graft_target *target;
	/** Gets the code that it lacks. */
	struct graft_patch *patch;
	struct graft_builds *builds;
	struct graft_maps *maps;
	/** Places of planned shadows were added to them. */
	bool reserved;
	struct graft_modules *modules;
	struct graft_headers *headers;
	/** Made when the first import needs it. */
	struct graft_scope *scope;
};

/**
 * Fill in the bytes of a shadow: imports are bound, and slots of OLD read.
 *
 * @param[in] module The module that is hotpatched.
 * @param[in,out] ret Its header is made; gets the shadow.
 * @return NULL; #GRAFT_ERROR_REFUSED; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_fill_shadow(struct graft_making *making,
		  const struct graft_module *module,
		  struct graft_plan_module *ret);

/**
 * Make the hook by which the unwinder finds the frames of carried code, if there
 * are any to be found.
 *
 * @param[in,out] ret Its shadow is filled; gets one piece more.
 * @return NULL; #GRAFT_ERROR_REFUSED; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_fill_hook(struct graft_making *making, struct graft_plan_module *ret);

#endif /* GRAFT_PLAN_FILL_H */
