// SPDX-License-Identifier: Apache-2.0

/** @file What a switch does to a process, and in the name of which verb. */

#ifndef GRAFT_APPLY_WAY_H
#define GRAFT_APPLY_WAY_H

#include "plan/header.h"

#include <stdbool.h>

/** Which way to switch. */
enum graft_switch_way {
	/** What comes is put in: apply. */
	GRAFT_SWITCH_IN,
	/** What leaves is taken out: revert. */
	GRAFT_SWITCH_OUT,
};

/** What is done to one module: the jumps of one are exchanged for another's. */
struct graft_change {
	/** Whose carried code runs before; no thread may be in it. NULL: OLD. */
	const struct graft_header *from;
	/**
	 * Whose carried code runs afterwards; no thread may be in the old code
	 * of its functions. NULL: OLD.
	 */
	const struct graft_header *to;
	/**
	 * Jumps of the one whose jumps are in are ruined: who went through them is in
	 * old code, and must not be there either.
	 */
	bool ruined;
	/** Threads were allowed to stay in what was replaced: its page is to say so. */
	bool immediate;
};

#endif /* GRAFT_APPLY_WAY_H */
