// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The unwind tables of carried code: an `.eh_frame` made for it alone, and the
 * language-specific data that it leads to.
 *
 * They are made where an exception may pass through what is carried. The table
 * lies where NEW has its `.eh_frame`, and is written anew: all its addresses are
 * distances (`pcrel | sdata4`), those of personality routines lead to a slot.
 * What stands in the shadow too needs no fix; slots are those of OLD, or new.
 */

#ifndef GRAFT_DIFF_FRAMES_H
#define GRAFT_DIFF_FRAMES_H

#include "diff/closure/closure.h"
#include "diff/unwind/eh_slots.h"

/** A field of carried unwind tables that leads to a slot of OLD. */
struct graft_frame_fix {
	/** The field: a 32-bit distance to @ref new_slot. */
	uint64_t new_addr;
	uint64_t new_slot;
	uint64_t old_slot;
};

/** A slot of NEW that carried tables name. */
struct graft_frame_slot {
	uint64_t new_slot;
	/** The slot of OLD that holds the same; 0: the new one is carried. */
	uint64_t old_slot;
};

/** The unwind tables of what is carried. */
struct graft_frames {
	/** Where the table of frames goes in NEW. */
	uint64_t addr;
	/** Its bytes, with a terminator; NULL if none is needed. */
	uint8_t *bytes;
	uint64_t len;
	/** Ascending by field once the diff is made. */
	struct graft_frame_fix *fixes;
	size_t fix_count;
	size_t fix_cap;
	struct graft_frame_slot *slots;
	size_t slot_count;
	size_t slot_cap;
	struct graft_eh_slots old_slots;
};

/** Free frames. NULL is a no-op. */
void
graft_frames_free(struct graft_frames *frames);

/**
 * Carry the language-specific data of a function that is carried, if it has
 * some, and settle what it names.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_frames_carry(struct graft_closure *closure, uint32_t func);

/**
 * Make the table of frames, if an exception may pass through carried code.
 *
 * @param[in,out] closure With all that is carried known.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_frames_make(struct graft_closure *closure);

/** Note that a field leads to a slot, which may be OLD's. */
GRAFT_MUST_CHECK struct graft_error *
graft_frames_add_fix(struct graft_frames *frames, uint64_t field,
		     uint64_t new_slot);

#endif /* GRAFT_DIFF_FRAMES_H */
