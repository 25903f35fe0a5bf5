// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * How the unwinder of a process finds the frames of carried code.
 *
 * libgcc_s asks `_Unwind_Find_FDE(pc, bases)` for each frame, and calls it
 * through a slot of its own. A *hook* is a function with that interface that
 * answers for one shadow, and hands every other question on: to the next hook,
 * or to libgcc_s's own function. It takes no lock and no memory, so a thread may
 * be anywhere while the slot is written, and one write of eight bytes switches.
 *
 * The hook of a shadow lies in an executable page behind its runs. A hook that
 * is linked stays so as long as its shadow is there: what still leads to carried
 * code after a revert can throw.
 */

#ifndef GRAFT_PLAN_HOOK_H
#define GRAFT_PLAN_HOOK_H

#include "base/error.h"
#include "patch/patch.h"
#include "plan/header.h"
#include "plan/shadow.h"
#include "proc/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** Where the address of what is asked next is, in the page. */
	GRAFT_HOOK_NEXT_OFF = 8,
	/** Where its code begins. */
	GRAFT_HOOK_ENTRY_OFF = 32,
	/** Calls of libgcc_s that may bind the slot. */
	GRAFT_HOOK_CALLERS_MAX = 7,
};

/** How libgcc_s of a process asks for frames. Addresses in the process. */
struct graft_unwinder {
	/** The slot through which it calls. */
	uint64_t slot;
	/** Its own function. */
	uint64_t function;
	/** What the slot holds before it is bound; 0 if it is bound at start. */
	uint64_t unbound;
	/** Where its calls return to; only if the slot is unbound. */
	uint64_t callers[GRAFT_HOOK_CALLERS_MAX];
	size_t caller_count;
};

/** A hook as it is in a process. */
struct graft_hook {
	/** First byte of its page. */
	uint64_t addr;
	/** What it asks next. */
	uint64_t next;
	struct graft_unwinder unwinder;
};

/**
 * Compute the room that the hook of a module needs.
 *
 * @return Whole pages in bytes; 0 if the module has no unwind tables.
 */
uint64_t
graft_hook_room(const struct graft_patch_module *module);

/**
 * Make the page of a hook.
 *
 * @param[in] module One with unwind tables.
 * @param[in] shadow_base Added to its addresses.
 * @param[in] hook What it is to say; its room is there.
 * @param[out] ret The piece; its bytes are the caller's to free.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if the tables are malformed.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_hook_make(const struct graft_patch_module *module, uint64_t shadow_base,
		const struct graft_hook *hook, struct graft_shadow_piece *ret);

/**
 * Read the hook of a shadow.
 *
 * @param[in] target In any state.
 * @param[out] there_ret It has one; only then @p ret is written.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_hook_find(struct graft_target *target, const struct graft_header *header,
		struct graft_hook *ret, bool *there_ret);

/** Say whether bytes of a mapping of the target begin a hook. */
bool
graft_hook_begins(const uint8_t *bytes, size_t len);

/** Where a slot leads to. */
struct graft_hook_chain {
	/** What the slot holds. */
	uint64_t first;
	/** What the last hook asks: libgcc_s's function if all is well. */
	uint64_t last;
	/** The hook that was looked for is among them. */
	bool linked;
};

/**
 * Follow the hooks from a slot.
 *
 * @param[in] hook The hook to look for; only its address and the slot are used.
 * @return NULL; #GRAFT_ERROR_OS if memory cannot be read.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_hook_follow(struct graft_target *target, const struct graft_hook *hook,
		  struct graft_hook_chain *ret);

/** Say whether a shadow has a hook that the unwinder asks. */
GRAFT_MUST_CHECK struct graft_error *
graft_hook_is_linked(struct graft_target *target,
		     const struct graft_header *header, bool *ret);

#endif /* GRAFT_PLAN_HOOK_H */
