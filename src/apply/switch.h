// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The switch itself: with all threads stopped, see that none is in the way
 * and write the jumps, or the original bytes back, or the jumps of
 * another hotpatch.
 *
 * All of it or nothing: a write that fails puts back those before it in the same
 * stop. Whoever is killed between two writes leaves a mixture, which
 * apply/recover.h completes or undoes; so this runs in a guardian, which a kill
 * of the tool does not reach.
 */

#ifndef GRAFT_APPLY_SWITCH_H
#define GRAFT_APPLY_SWITCH_H

#include "apply/way.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "plan/header.h"
#include "plan/module.h"
#include "proc/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct graft_hints;
struct graft_sharers;
struct graft_sightings;

/** How long to try, and what is known beforehand. */
struct graft_switch_limits {
	/** How long to try again while threads are in the way. */
	uint64_t wait_us;
	/** Longest time for one stop. */
	uint64_t stop_us;
	/**
	 * Who waits for us, our parent: when it is gone, nothing is tried again.
	 * 0: nobody.
	 */
	pid_t owner;
	/**
	 * What was seen of code before (plan/sightings.h); what is seen now is added.
	 * Borrowed; NULL: nothing is kept.
	 */
	struct graft_sightings *sightings;
	/** Of what is found in files (proc/hints.h). Borrowed; NULL: none. */
	struct graft_hints *hints;
	/** Who shared memory with nobody (proc/sharers.h); NULL: not looked for. */
	struct graft_sharers *sharers;
};

/** What becomes of a switch in if threads are in what it replaces. */
enum graft_switch_immediate {
	/** None may be. */
	GRAFT_SWITCH_WAIT,
	/** None may be, but it is proven that they could stay. */
	GRAFT_SWITCH_COULD_STAY,
	/** They stay, unless they are in the bytes that the jump takes. */
	GRAFT_SWITCH_STAY,
};

/** How it went. */
struct graft_switch_result {
	/** Of the stop in which it was done. */
	uint64_t pause_us;
	/** Stops that were needed. */
	uint32_t tries;
	/** It failed because threads were in the way until the time was over. */
	bool passing;
	/**
	 * The process may have suspended contexts (plan/contexts.h), which were looked
	 * for as far as that is possible.
	 */
	bool contexts;
	/** Threads were allowed to stay in what is replaced, and how many, as far as
	 * can be told, did. */
	bool immediate;
	uint32_t stayed;
	/**
	 * It failed, and could not be undone: the entries of the ledger must
	 * stay open for apply/recover.h.
	 */
	bool unsettled;
};

/** A switch of one or more modules of a process, all at once. */
struct graft_switch;

/**
 * Prepare a switch.
 *
 * @param[in] changes What to do to each module; borrowed until the switch is
 * freed, and so are their headers.
 * @param[in] count At least 1.
 * @param[in] way In whose name: how the steps are called.
 * @param[in] partly Entries that are switched already are accepted (recovery).
 * @param[out] ret New switch; free with graft_switch_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_switch_new(const struct graft_change *changes, size_t count,
		 enum graft_switch_way way, bool partly,
		 struct graft_switch **ret);

/**
 * Choose what becomes of a switch in if threads are in what it replaces: at first
 * none may be.
 *
 * @param[in] immediate Other than _WAIT only for a change of one function for which
 * graft_patch_not_immediate() says so.
 */
void
graft_switch_set_immediate(struct graft_switch *sw,
			   enum graft_switch_immediate immediate);

/**
 * Tell which modules the process had when its mappings were read that
 * graft_target_set_maps() told: they are not read again if no code came or went.
 *
 * @param[in] modules Borrowed until the switch is freed; NULL: that is not known.
 */
void
graft_switch_set_modules(struct graft_switch *sw,
			 const struct graft_modules *modules);

/** Free a switch. NULL is a no-op. */
void
graft_switch_free(struct graft_switch *sw);
GRAFT_DEFINE_CLEANUP(struct graft_switch, graft_switch_free)

/**
 * Do it.
 *
 * The target is RUNNING or ATTACHED before, RUNNING after; between two tries it is
 * not attached to, so that its signals are not held up.
 *
 * @param[in] limits How long to try.
 * @param[out] ret How it went; pause and tries are written on error too.
 * @return NULL; #GRAFT_ERROR_FUNCTION_ACTIVE that names thread and function;
 * #GRAFT_ERROR_LIMIT if the threads did not stop in time;
 * #GRAFT_ERROR_REFUSED if the live bytes changed; #GRAFT_ERROR_TRACED;
 * #GRAFT_ERROR_TARGET_GONE. On error no entry is switched that was not before,
 * unless the result is unsettled.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_switch_run(struct graft_switch *sw, struct graft_target *target,
		 const struct graft_switch_limits *limits,
		 struct graft_switch_result *ret);

/**
 * Attach to a target, waiting a moment for who traces it: `graft status` does so
 * for the length of a stop. State RUNNING -> ATTACHED.
 *
 * @return As graft_target_attach().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_switch_attach(struct graft_target *target);

#endif /* GRAFT_APPLY_SWITCH_H */
