// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What one process showed that is likely to hold of the next one: where in a file
 * something stands, and the tables of files. And what holds of all: how this
 * processor lays out registers.
 *
 * A hint saves a search and decides nothing: what it leads to is looked at again.
 */

#ifndef GRAFT_PROC_HINTS_H
#define GRAFT_PROC_HINTS_H

#include "base/error.h"
#include "proc/sigframe.h"
#include "proc/urgent.h"

#include <stdint.h>

struct graft_batch;
struct graft_memory_groups;
struct graft_tables;

/** A place in a file, as /proc/PID/maps names it. All zeroes: none. */
struct graft_hint {
	uint64_t dev;
	uint64_t inode;
	uint64_t off;
	/** Where it was in the last process: forks have it at the same address. */
	uint64_t addr;
};

/** All hints. */
struct graft_hints {
	/** What an injection needs (proc/gadget.h). */
	struct graft_hint call;
	struct graft_hint restore;
	/** Owned; NULL: none are kept. */
	struct graft_tables *tables;
	/** Owned; NULL: none are kept. */
	struct graft_memory_groups *groups;
	/** The one that stacks were read with (proc/live.h), while nobody has it. Owned;
	 * NULL: none. */
	struct graft_batch *batch;
	/** What ticks in each stop, at rest between them. */
	struct graft_tick tick;
	/** Of this processor. */
	struct graft_sigframe_layout frame;
};

/**
 * Begin with none.
 *
 * @param[out] ret Free what it gets with graft_hints_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_hints_init(struct graft_hints *ret);

/** Free what hints own. Also their guard. */
void
graft_hints_deinit(struct graft_hints *hints);

#endif /* GRAFT_PROC_HINTS_H */
