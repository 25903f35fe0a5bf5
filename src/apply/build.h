// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Make a shadow in a process, and take it away again.
 *
 * The header page comes first and goes last, so that whoever is killed between
 * leaves a process that says what is in it.
 */

#ifndef GRAFT_APPLY_BUILD_H
#define GRAFT_APPLY_BUILD_H

#include "apply/way.h"
#include "base/error.h"
#include "plan/plan.h"
#include "proc/maps.h"
#include "proc/target.h"

#include <stdbool.h>

/**
 * Make the shadow of a module: map the header page and the regions, write
 * everything, read it back. A shadow that is used again is only written.
 *
 * @param[in] target In state ATTACHED.
 * @param[in,out] left_ret Set to true if, on error, something may be left in the
 * process, or may still come: a thread was lost in a call, or what was mapped
 * could not be unmapped. The header page, where it was reached, says `building`.
 * @return NULL; #GRAFT_ERROR_REFUSED with what the kernel said;
 * #GRAFT_ERROR_NO_SPACE_NEARBY if somebody took the place meanwhile;
 * #GRAFT_ERROR_LIMIT if a thread was lost; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_build_make(struct graft_target *target,
		 const struct graft_plan_module *module, bool *left_ret);

/**
 * Take a shadow away to which nothing ever pointed. One that the unwinder knows of
 * stays, as `reverted`.
 *
 * @param[in] target In state ATTACHED.
 * @param[in] header What to unmap.
 * @param[in] maps If not NULL, regions are unmapped only where a mapping of
 * exactly their place and protection is there (a header in state `building`,
 * whose regions may never have been made).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_build_undo(struct graft_target *target, const struct graft_header *header,
		 const struct graft_maps *maps);

/**
 * Take a shadow away to which nothing leads any more, as graft_build_undo(), before
 * graft_target_detach(): the process may be let go of already.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_build_give_back(struct graft_target *target,
		      const struct graft_header *header);

/**
 * Write the state of a header page. In any state of the target.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_build_set_state(struct graft_target *target,
		      const struct graft_header *header,
		      enum graft_header_state state);

/**
 * Write into a header page which hotpatch was in before. In any state of the
 * target; a page of format 1 is left as it is.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_build_set_before(struct graft_target *target,
		       const struct graft_header *header,
		       const struct graft_header_before *before);

/**
 * Write what a change means into both header pages: first that what left is
 * reverted, then that what came is applied; the other way round if @p out. So the
 * page of what was worked on is the last, and tells of the work until it is done.
 *
 * @param[in] out It was taken out, by a revert.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_build_set_changed(struct graft_target *target,
			const struct graft_change *change, bool out);

/**
 * Unmap pages.
 *
 * @param[in] target In state ATTACHED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_build_unmap(struct graft_target *target, uint64_t addr, uint64_t len);

#endif /* GRAFT_APPLY_BUILD_H */
