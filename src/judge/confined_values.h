// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What registers and words of a frame hold, as far as it concerns addresses of
 * frames: the values and states of the search in confined.h. Private to it.
 */

#ifndef GRAFT_JUDGE_CONFINED_VALUES_H
#define GRAFT_JUDGE_CONFINED_VALUES_H

#include "judge/op.h"

enum {
	/** Registers: general ones and %xmm0 to %xmm15. */
	GRAFT_CONFINED_REGS = 32,
	/** Words of a frame that are remembered. */
	GRAFT_CONFINED_SLOTS = 32,
	/** Registers that arguments are passed in, with that of the frame
	 * around a nested function. */
	GRAFT_CONFINED_ARGUMENTS = 7,
};

/** What a value is. */
enum graft_confined_kind {
	/** Anything; no address of a frame that is followed. */
	GRAFT_CONFINED_OTHER,
	/** An address in the frame of the function itself. */
	GRAFT_CONFINED_OWN,
	/** An address in the frame of a function that waits for this one. */
	GRAFT_CONFINED_FRAME,
	/** The address of a function of the build. */
	GRAFT_CONFINED_FUNC,
	/** What was read in a frame, at @c off of that of @c who. */
	GRAFT_CONFINED_CONTENT,
	/** The address of something that nobody writes. */
	GRAFT_CONFINED_CONSTANT,
	/** What was read elsewhere in writable memory, at a displacement. */
	GRAFT_CONFINED_MEMORY,
};

/** A value. */
struct graft_confined_value {
	/** #graft_confined_kind. */
	uint8_t kind;
	/** It may as well be something else. */
	bool maybe;
	/** @c off is not known. */
	bool vague;
	/** Of a word of the frame: it was stored since the last call. */
	bool fresh;
	/** The function: whose frame, or which. */
	uint32_t who;
	/** Where the object begins whose address was taken, and where in the
	 * frame this leads: from the stack pointer at the entry. */
	int32_t base;
	int32_t off;
};

/** A word of the own frame. */
struct graft_confined_slot {
	int32_t off;
	struct graft_confined_value value;
};

/** What is known before an instruction. */
struct graft_confined_state {
	struct graft_confined_value regs[GRAFT_CONFINED_REGS];
	/** By ascending offset. */
	struct graft_confined_slot slots[GRAFT_CONFINED_SLOTS];
	uint32_t slot_count;
	/** Some words did not fit. */
	bool full;
	/** Lowest place in the own frame whose address was taken: words from
	 * there on may be written through it. */
	int32_t taken;
	/** Such words are remembered all the same; that no object reaches them
	 * is to be shown afterwards. */
	bool trusting;
};

/** Registers of the arguments, in order. */
extern const uint8_t graft_confined_arguments[GRAFT_CONFINED_ARGUMENTS];

/** The value of which nothing is known. */
struct graft_confined_value
graft_confined_nothing(void);

/** Say whether a value leads, or may lead, to a frame. */
bool
graft_confined_is_address(const struct graft_confined_value *value);

/** Say whether two values are the same in all that counts. */
bool
graft_confined_equal(const struct graft_confined_value *a,
		     const struct graft_confined_value *b);

/**
 * Keep of two values what holds for both.
 *
 * @param[out] lost_ret A value of which nothing is kept although it is an
 * address: two that may be either cannot both be followed. Kind _OTHER if none.
 */
struct graft_confined_value
graft_confined_join(struct graft_confined_value a,
		    struct graft_confined_value b,
		    struct graft_confined_value lost_ret[2]);

/** A caller-provided function that is told of a lost address. */
typedef void
graft_confined_lost_fn(void *context, const struct graft_confined_value *lost);

/** Keep of two states what holds for both. @return Whether @p into changed. */
bool
graft_confined_merge(struct graft_confined_state *into,
		     const struct graft_confined_state *from,
		     graft_confined_lost_fn *lost, void *context);

/** Get what is known of a word of the own frame. */
struct graft_confined_value
graft_confined_load(const struct graft_confined_state *state, int32_t off);

/** Say whether an object whose address was taken may reach a word. */
bool
graft_confined_is_exposed(const struct graft_confined_state *state,
			  int32_t off);

/** Forget the words that overlap a part of the own frame. */
void
graft_confined_forget(struct graft_confined_state *state, int32_t off,
		      int32_t len);

/**
 * Store a value into the own frame.
 *
 * @return Whether it is remembered.
 */
bool
graft_confined_store(struct graft_confined_state *state, int32_t off,
		     struct graft_confined_value value);

/** Note that something of which nothing is known was stored, if no other word
 * stands there. */
void
graft_confined_fill(struct graft_confined_state *state, int32_t off);

/** Note that the address of a place in the own frame was taken. */
void
graft_confined_take(struct graft_confined_state *state, int32_t off,
		    graft_confined_lost_fn *lost, void *context);

#endif /* GRAFT_JUDGE_CONFINED_VALUES_H */
