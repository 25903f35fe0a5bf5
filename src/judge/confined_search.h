// SPDX-License-Identifier: Apache-2.0

/** @file What the parts of the search of confined.h share. Private to them. */

#ifndef GRAFT_JUDGE_CONFINED_SEARCH_H
#define GRAFT_JUDGE_CONFINED_SEARCH_H

#include "judge/confined.h"
#include "judge/confined_body.h"

/** One way in which a function is called. */
struct graft_confined_call {
	uint32_t func;
	/** What is in the registers of arguments. */
	struct graft_confined_value arguments[GRAFT_CONFINED_ARGUMENTS];
	/** What comes back. */
	struct graft_confined_value result;
	bool returns;
	/** It waits to be looked at. */
	bool waits;
};

/** Place that stands for a whole frame. */
#define GRAFT_CONFINED_WHOLE INT32_MIN

/** An object of a frame that gets about: nobody knows who has its address. */
struct graft_confined_mark {
	uint32_t who;
	int32_t base;
};

/** A place in a frame. */
struct graft_confined_place {
	uint32_t who;
	int32_t off;
	/** An index leads on from there to nobody knows where. */
	bool wild;
};

/** Places, each once. */
struct graft_confined_places {
	struct graft_confined_place *list;
	size_t count;
	size_t cap;
};

/** A word that is copied between a frame and other memory. */
struct graft_confined_copy {
	uint32_t who;
	int32_t off;
	/** The distance of both places: that of their displacements. */
	int64_t distance;
	bool out;
};

/** An access through a register, in one of the ways to get there. */
struct graft_confined_fact {
	/** Index in graft_code::insns. */
	uint32_t insn;
	/** Whose frame it reaches, or #GRAFT_NONE if that is not known. */
	uint32_t who;
	/** It is the frame of the function itself. */
	bool own;
	/** The object, and the end of what is reached there. */
	int32_t base;
	int32_t end;
};

/** The search in one build. */
struct graft_confined {
	/** Borrowed. */
	const struct graft_code *code;
	const struct graft_graph *graph;
	const struct graft_func_match *match;
	/** One per function: its code, once it was asked for. */
	struct graft_confined_body **bodies;
	/** One per function: all that calls it is looked at, or it counts as
	 * called by anybody. */
	bool *closed;
	/** One per function: registers that a call of it may change. */
	uint32_t *clobbers;
	bool *clobbers_known;
	/** One per function: words of arguments on the stack that it may read. */
	uint64_t *incoming;
	bool *incoming_known;
	struct graft_confined_call *calls;
	size_t call_count;
	size_t call_cap;
	struct graft_confined_mark *marks;
	size_t mark_count;
	size_t mark_cap;
	struct graft_confined_copy *copies;
	size_t copy_count;
	size_t copy_cap;
	/** Where objects begin whose address was taken, and words that were read
	 * although one of them begins below. */
	struct graft_confined_places exposed;
	struct graft_confined_places trusted;
	/** Words with an address that their function reads again. Kept from one
	 * pass to the next. */
	struct graft_confined_places loaded;
	/** This pass finds them, and nothing else. */
	bool collecting;
	/** Such words are believed to be out of the reach of all objects. */
	bool trusting;
	/** By ascending instruction. */
	struct graft_confined_fact *facts;
	size_t fact_count;
	size_t fact_cap;
	/** The search got too large: nothing is known. */
	bool gave_up;
};

/** Looking at one call. */
struct graft_confined_run {
	struct graft_confined *all;
	/** Index of the call. */
	size_t call;
	const struct graft_confined_body *body;
	/** Something else comes back from the call than was known. */
	bool changed;
	struct graft_error *err;
};

/** Let an instruction change what is known; a step of graft_confined_ways. */
void
graft_confined_step(void *context, const struct graft_confined_body *body,
		    uint32_t at, struct graft_confined_state *state);

/** Note that an address gets about; a graft_confined_lost_fn. The context is the
 * struct graft_confined_run. */
void
graft_confined_mark(void *context, const struct graft_confined_value *value);

/** Note that the address of a place in the own frame was taken. */
void
graft_confined_expose(struct graft_confined_run *run, int32_t off, bool wild);

/** Get what a word of the own frame holds, and note if that is only believed. */
struct graft_confined_value
graft_confined_read_word(struct graft_confined_run *run,
			 const struct graft_confined_state *state, int32_t off);

/** Let a call, or a jump that leaves, change what is known. */
void
graft_confined_do_call(struct graft_confined_run *run,
		       const struct graft_ops *part, const struct graft_op *op,
		       struct graft_confined_state *state);

/** Note that a function may be called by anybody. */
void
graft_confined_open(struct graft_confined_run *run, uint32_t func);

/**
 * Note that a function is called in one way; get what comes back.
 *
 * @param[in] arguments #GRAFT_CONFINED_ARGUMENTS of them.
 * @return As far as it is known yet: nothing where this way is new.
 */
struct graft_confined_value
graft_confined_enter(struct graft_confined_run *run, uint32_t func,
		     const struct graft_confined_value *arguments);

/**
 * Get the code of a function, read the first time that it is asked for.
 *
 * @param[out] ret Borrowed from the search.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_confined_get_body(struct graft_confined *all, uint32_t func,
			const struct graft_confined_body **ret);

/** Find which registers a call of a function may change, a bit each. */
GRAFT_MUST_CHECK struct graft_error *
graft_confined_clobbers(struct graft_confined *all, uint32_t func,
			uint32_t *ret);

/** Say whether all words that were believed in are out of the reach of objects. */
bool
graft_confined_is_trust_right(const struct graft_confined *all);

/** Find what a memory operand outside of frames is known by: its displacement, or
 * the address of an object. @return Whether it may be written. */
bool
graft_confined_is_memory(const struct graft_confined_run *run,
			 const struct graft_op *op, int64_t *ret);

/** Note what is stored, if it comes from the other kind of memory. */
void
graft_confined_note_copy(struct graft_confined_run *run,
			 const struct graft_op *op,
			 const struct graft_confined_value *value,
			 const struct graft_confined_value *place);

/** Say whether a list has a place of the function that is looked at. */
bool
graft_confined_has_place(const struct graft_confined_run *run,
			 const struct graft_confined_places *places,
			 int32_t off, bool wild);

/** Find which words of its arguments on the stack a function may read, a bit
 * each; all if it is not known. */
uint64_t
graft_confined_incoming(struct graft_confined_run *run, uint32_t func);

#endif /* GRAFT_JUDGE_CONFINED_SEARCH_H */
