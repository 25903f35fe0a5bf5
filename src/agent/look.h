// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A look at processes: which of them need something. It opens and reads what it has not
 * seen before, stops nobody, and decides nothing: what is old by its place on disk is
 * compared by graft itself.
 */

#ifndef GRAFT_AGENT_LOOK_H
#define GRAFT_AGENT_LOOK_H

#include "agent/content.h"
#include "agent/hold.h"
#include "agent/kept.h"
#include "agent/marks.h"
#include "agent/named.h"
#include "agent/scope.h"
#include "agent/table.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** What a look needs. All borrowed. */
struct graft_look {
	const struct graft_agent_scope *scope;
	const struct graft_kept *kept;
	struct graft_contents *contents;
	/** Gets the old files that others may open; NULL: nobody is told of that. */
	struct graft_marks *marks;
	/** Gets them too, so that who loads one is held; NULL: nobody is. */
	struct graft_hold *hold;
	struct graft_table *table;
	/** Processes are held against the disk too. */
	bool sync;
	uint32_t round;
	/** How many could not be looked at; is added to. */
	uint64_t unseen;
	/** Roots in which the files were looked for that hotpatches name, since the last
	 * look at all. Only where somebody is held. */
	struct graft_named named;
};

/**
 * Look at all processes. Who is not there any more is forgotten.
 *
 * @param[in,out] look Its round goes up.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_look_at_all(struct graft_look *look);

/** Look at some processes. Who has ended is forgotten. */
GRAFT_MUST_CHECK struct graft_error *
graft_look_at_some(struct graft_look *look, const pid_t *pids, size_t count);

#endif /* GRAFT_AGENT_LOOK_H */
