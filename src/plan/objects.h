// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where the new writable objects of a hotpatch are: in its own shadow, or, if an
 * earlier hotpatch in the process has them too, where that one has them. Inside
 * plan/ only.
 */

#ifndef GRAFT_PLAN_OBJECTS_H
#define GRAFT_PLAN_OBJECTS_H

#include "plan/fill.h"
#include "plan/plan.h"

/**
 * Find the objects of a new shadow in the shadows that are there, those that were
 * reverted too: what was stored may still be about them.
 *
 * @param[in,out] module Its header is made, and not used again; the addresses of
 * its objects are changed.
 */
void
graft_objects_find(const struct graft_making *making,
		   struct graft_plan_module *module);

/**
 * See that it is known which new objects of a hotpatch are those of the one that it
 * replaces.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED if either has writable memory that it
 * does not tell of, or if each has objects that the other does not have: one may
 * be another's under a new name.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_objects_check(const struct graft_header *from,
		    const struct graft_header *to);

#endif /* GRAFT_PLAN_OBJECTS_H */
