// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which processes a hotpatch concerns, asked of all those of a host.
 *
 * A file that some process maps as a module of an OLD build is one in the next process
 * too, if the build-id stands there where it stood. Who maps none such is looked at
 * thoroughly.
 */

#ifndef GRAFT_PLAN_CONCERNS_H
#define GRAFT_PLAN_CONCERNS_H

#include "base/error.h"
#include "patch/patch.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	/** Files that are remembered. */
	GRAFT_CONCERNS_MAX = 64,
};

/** A file that was mapped as a module of an OLD build. */
struct graft_concern {
	/** As /proc/PID/maps names it. */
	uint64_t dev;
	uint64_t inode;
	/** Its first mapping in the last process: children of one have it there. */
	uint64_t start;
	/** From its first mapping to its build-id. */
	uint64_t id_off;
	/** An executable mapping of it: its offset in the file, and what is to be added to
	 * its address to get to the first one. */
	uint64_t code_off;
	uint64_t to_first;
	/** Borrowed from the hotpatch. */
	const struct graft_patch_module *from;
};

/** Those that were seen. Zeroes: none. */
struct graft_concerns {
	struct graft_concern list[GRAFT_CONCERNS_MAX];
	size_t count;
};

/**
 * Say whether a process maps a module of an OLD build, by its build-id.
 *
 * @param[in] patch The hotpatch, always the same.
 * @param[in,out] known What other processes showed.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NOT_PERMITTED;
 * #GRAFT_ERROR_UNSUPPORTED: it is no process of 64 bits.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_concerns_ask(pid_t pid, const struct graft_patch *patch,
		   struct graft_concerns *known, bool *ret);

#endif /* GRAFT_PLAN_CONCERNS_H */
