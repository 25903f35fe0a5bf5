// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What registers and words of a frame hold, as far as it concerns the address of an
 * object that is followed. Private to confined.h.
 */

#ifndef GRAFT_JUDGE_CONFINED_VALUES_H
#define GRAFT_JUDGE_CONFINED_VALUES_H

#include "judge/flow/op.h"

enum {
	/** Words of a frame that are remembered. */
	GRAFT_CONFINED_SLOTS = 24,
	/** Registers that arguments are passed in, with that of the frame
	 * around a nested function. */
	GRAFT_CONFINED_ARGUMENTS = 7,
};

/** What a value is. */
enum graft_confined_kind {
	/** Anything, but no address of an object. */
	GRAFT_CONFINED_OTHER,
	/** The constant @c off. */
	GRAFT_CONFINED_CONST,
	/** A constant on some ways only, or more than one. */
	GRAFT_CONFINED_MIXED,
	/** The stack or frame pointer: @c off from the stack pointer at entry. */
	GRAFT_CONFINED_STACK,
	/** @c off as above, in a local variable that begins at @c base. */
	GRAFT_CONFINED_LOCAL,
	/** @c off from the start of an object that begins at @c base of the frame
	 * of @c who. */
	GRAFT_CONFINED_OBJECT,
	/** The address of function @c who. */
	GRAFT_CONFINED_FUNC,
	/** The address of an object, or something else. */
	GRAFT_CONFINED_POISON,
};

/** A value. */
struct graft_confined_value {
	/** #graft_confined_kind. */
	uint8_t kind;
	/** Of a word: it may be an argument of a call. */
	bool pushed;
	uint32_t who;
	int64_t base;
	int64_t off;
};

/** A word of the own frame. */
struct graft_confined_slot {
	int64_t off;
	struct graft_confined_value value;
};

/** What is known before an instruction. */
struct graft_confined_state {
	struct graft_confined_value regs[16];
	/** Vector registers that are zero, or zero on some ways only; a bit each,
	 * from bit 16. */
	uint32_t zero;
	uint32_t mixed;
	/** By ascending offset; words without value are not there. */
	struct graft_confined_slot slots[GRAFT_CONFINED_SLOTS];
	uint32_t slot_count;
	/** Something was stored since the last call where the stack pointer leads:
	 * it may be an argument. */
	bool passes;
};

/** Registers of the arguments, in order. */
extern const uint8_t graft_confined_arguments[GRAFT_CONFINED_ARGUMENTS];

/** The value of which nothing is known. */
struct graft_confined_value
graft_confined_nothing(void);

/** Say whether a value is, or may be, the address of an object. */
bool
graft_confined_is_bound(const struct graft_confined_value *value);

/** Say whether two values are the same. */
bool
graft_confined_equal(const struct graft_confined_value *a,
		     const struct graft_confined_value *b);

/** A caller-provided function that is told of a function's address of which two
 * ways do not say the same. */
typedef void
graft_confined_lost_fn(void *context, const struct graft_confined_value *lost);

/**
 * Keep of two states what holds for both.
 *
 * @param[in] lost Told of each address of a function that is not kept.
 * @return Whether @p into changed.
 */
bool
graft_confined_merge(struct graft_confined_state *into,
		     const struct graft_confined_state *from,
		     graft_confined_lost_fn *lost, void *context);

/** Get what is known of a word of the own frame. */
struct graft_confined_value
graft_confined_load(const struct graft_confined_state *state, int64_t off);

/** Say whether bytes of the own frame overlap a word that is bound. */
bool
graft_confined_covers(const struct graft_confined_state *state, int64_t off,
		      int64_t len);

/** Forget the words that overlap bytes of the own frame. */
void
graft_confined_forget(struct graft_confined_state *state, int64_t off,
		      int64_t len);

/** Store a value into a word of the own frame. @return Whether there is room. */
bool
graft_confined_store(struct graft_confined_state *state, int64_t off,
		     struct graft_confined_value value);

#endif /* GRAFT_JUDGE_CONFINED_VALUES_H */
