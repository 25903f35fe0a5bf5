// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * One side of two runs: the code of a function, and what its registers and its
 * frame hold at a place of it, as terms.
 *
 * A run goes by itself over everything that nobody else sees, and stops at an
 * *event*: a branch, an effect, the end.
 */

#ifndef GRAFT_JUDGE_SIDE_H
#define GRAFT_JUDGE_SIDE_H

#include "judge/case.h"
#include "judge/flow/op.h"
#include "judge/interleave/term.h"

enum {
	/** General registers, then those of SSE. */
	GRAFT_SIDE_REGS = 32,
	/** Places of a frame that are known at once. */
	GRAFT_SIDE_SLOTS = 160,
	/** Loads between two effects. */
	GRAFT_SIDE_LOADS = 48,
};

struct graft_decoded;

/** A function of one build. */
struct graft_side {
	/** Borrowed, both. */
	const struct graft_case *c;
	struct graft_terms *terms;
	bool is_new;
	/** With all its parts. */
	struct graft_ops ops;
	struct graft_decoded *decoded;
	/** Each instruction: an effect may be reached from it. */
	bool *loud;
};

/** What a place of a frame holds. */
struct graft_side_slot {
	/** From the entry's %rsp. */
	int64_t off;
	uint8_t size;
	graft_term term;
};

/** Something that was loaded since the last effect. */
struct graft_side_load {
	graft_term addr;
	uint8_t size;
	/** How often it was loaded anew after a branch had asked for it. */
	uint8_t again;
	bool asked;
};

/** What registers and frame hold. */
struct graft_side_state {
	graft_term regs[GRAFT_SIDE_REGS];
	graft_term flags;
	struct graft_side_slot slots[GRAFT_SIDE_SLOTS];
	uint32_t slot_count;
	struct graft_side_load loads[GRAFT_SIDE_LOADS];
	uint32_t load_count;
};

enum graft_event_kind {
	GRAFT_EVENT_RETURN,
	GRAFT_EVENT_BRANCH,
	/** It writes memory that is not of its frame, or orders such writes. */
	GRAFT_EVENT_STORE,
	GRAFT_EVENT_CALL,
	/** A jump to another function. */
	GRAFT_EVENT_TAIL_CALL,
	/** The process ends: `ud2`, __stack_chk_fail. */
	GRAFT_EVENT_DEATH,
	/** What it does is not known. */
	GRAFT_EVENT_LOST,
};

/** Where a run stopped. */
struct graft_event {
	enum graft_event_kind kind;
	/** Of a branch: the flags that it asks for, its condition as the low four
	 * bits of its opcode, and where it goes. */
	graft_term flags;
	uint8_t condition;
	uint32_t taken;
	uint32_t next;
	/** Why it is lost. Static. */
	const char *why;
};

/**
 * Take a function up.
 *
 * @param[in] ops Of it, with its parts. Taken.
 * @param[out] ret Filled; free with graft_side_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_side_init(const struct graft_case *c, bool is_new, struct graft_ops *ops,
		struct graft_terms *terms, struct graft_side *ret);

/** Free what a side owns, and zero it. Also its guard. */
void
graft_side_deinit(struct graft_side *side);

/** Get what holds at the entry; the same on both sides. */
void
graft_side_enter(const struct graft_side *side, struct graft_side_state *ret);

/**
 * Run on to the next event.
 *
 * @param[in] now The time, for what is loaded.
 * @param[in,out] at Index of the instruction; gets that of the event.
 */
void
graft_side_run(const struct graft_side *side, struct graft_side_state *state,
	       graft_term now, uint32_t *at, struct graft_event *ret);

/**
 * Do a #GRAFT_EVENT_STORE.
 *
 * @param[out] effect_ret What is written, where and how. 0 if that is not known.
 */
void
graft_side_store(const struct graft_side *side, struct graft_side_state *state,
		 graft_term now, uint32_t at, graft_term *effect_ret);

/** Forget what was loaded: an effect comes. */
void
graft_side_forget_loads(struct graft_side_state *state);

/** A branch asked for what was loaded: what is loaded again may be another. */
void
graft_side_ask_loads(struct graft_side_state *state);

/** Forget what stands below %rsp: a call writes there. */
void
graft_side_forget_below(const struct graft_side *side,
			struct graft_side_state *state);

/** Get the address in OLD of what an instruction names; a term of another kind if it
 * is not there, 0 if it names nothing. */
graft_term
graft_side_named(const struct graft_side *side, uint32_t at);

#endif /* GRAFT_JUDGE_SIDE_H */
