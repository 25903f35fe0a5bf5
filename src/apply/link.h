// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Tell the unwinder of a process of carried code: put the hooks of shadows
 * (plan/hook.h) in front of what it asks.
 *
 * A hook is linked in the stop of a switch, before the first jump, and stays: a
 * revert leaves it, as it leaves the shadow. Each write is one of eight bytes,
 * after which the process is whole, whoever is killed then.
 */

#ifndef GRAFT_APPLY_LINK_H
#define GRAFT_APPLY_LINK_H

#include "base/cleanup.h"
#include "base/error.h"
#include "plan/header.h"
#include "plan/hook.h"
#include "proc/stack.h"
#include "proc/target.h"

#include <stddef.h>

/** The hooks of the shadows of one switch. */
struct graft_link;

/**
 * Find the hooks of shadows that were made.
 *
 * @param[in] headers Borrowed until the link is freed.
 * @param[out] ret New link; free with graft_link_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_link_new(struct graft_target *target,
	       const struct graft_header *const *headers, size_t count,
	       struct graft_link **ret);

/** Free a link. NULL is a no-op. */
void
graft_link_free(struct graft_link *link);
GRAFT_DEFINE_CLEANUP(struct graft_link, graft_link_free)

/**
 * Find the return addresses that no thread may have while the hooks are linked:
 * those of calls through a slot that is still to be bound. A thread that binds it
 * would write over what we write.
 *
 * @param[out] ret One range for each, of which only the end counts.
 * @return How many.
 */
size_t
graft_link_forbidden(const struct graft_link *link,
		     struct graft_range ret[GRAFT_HOOK_CALLERS_MAX]);

/**
 * Make the ranges empty that are the hooks of shadows. Who leaves a shadow leaves its
 * hook linked and mapped, so a thread may be in it; and libgcc_s holds its address.
 *
 * @param[in] headers Of the shadows.
 * @param[in,out] ranges Those that begin where a hook does end there.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_link_leave_out(struct graft_target *target,
		     const struct graft_header *const *headers, size_t count,
		     struct graft_range *ranges, size_t range_count);

/**
 * Link all hooks that are not linked yet.
 *
 * @param[in] target In state STOPPED, no thread with a forbidden address.
 * @return NULL; #GRAFT_ERROR_REFUSED if somebody changed the slot
 * meanwhile. On error those that were linked by this call still are:
 * graft_link_undo() takes them out.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_link_do(struct graft_link *link, struct graft_target *target);

/**
 * Take out what graft_link_do() linked, in the same stop.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_link_undo(struct graft_link *link, struct graft_target *target);

#endif /* GRAFT_APPLY_LINK_H */
