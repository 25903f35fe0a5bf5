// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A hotpatch that takes the place of another one. Inside plan/ only.
 *
 * Hotpatches are cumulative, so nothing is stacked: the jumps of one are exchanged
 * for those of another, made for the same OLD build. The one that was in is
 * noted as *the one before*, to which a revert goes back.
 */

#ifndef GRAFT_PLAN_REPLACE_H
#define GRAFT_PLAN_REPLACE_H

#include "base/error.h"
#include "plan/fill.h"
#include "plan/module.h"
#include "plan/plan.h"

/**
 * Find the hotpatch that is in a module now.
 *
 * @param[out] ret Its header, borrowed from @p making; NULL if there is none.
 * @return NULL; #GRAFT_ERROR_ALREADY_APPLIED; #GRAFT_ERROR_REFUSED if work
 * on one was cut off.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_replace_find(const struct graft_making *making,
		   const struct graft_module *module,
		   const struct graft_header **ret);

/**
 * Note the one before in the header of a plan: what is in now. If what is to be
 * put in was before that one, it is to be taken out of that chain.
 *
 * @param[in] again The header that is used again, or NULL.
 * @param[in,out] module Its header is made.
 */
void
graft_replace_note(const struct graft_making *making,
		   const struct graft_header *again,
		   struct graft_plan_module *module);

/**
 * See that a hotpatch and the one that it replaces say the same of OLD.
 *
 * @param[in] module Its header is made.
 * @return NULL; #GRAFT_ERROR_REFUSED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_replace_check(const struct graft_plan_module *module);

/**
 * See that what is replaced is replaced in all modules where it is.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_replace_check_all(const struct graft_making *making,
			const struct graft_plan *plan);

#endif /* GRAFT_PLAN_REPLACE_H */
