// SPDX-License-Identifier: Apache-2.0

/** @file What the parts of the search of confined.h share. Private to them. */

#ifndef GRAFT_JUDGE_CONFINED_SEARCH_H
#define GRAFT_JUDGE_CONFINED_SEARCH_H

#include "judge/confined/body.h"
#include "judge/confined/confined.h"

/** One way in which a function is called. */
struct graft_confined_call {
	uint32_t func;
	/** What is in the registers of arguments. */
	struct graft_confined_value arguments[GRAFT_CONFINED_ARGUMENTS];
	/** What comes back may be the address of an object. */
	bool returns_bound;
	/** It waits to be looked at. */
	bool waits;
	/** What was found last, one for each instruction of the function. */
	struct graft_confined_state *states;
	bool *seen;
};

/** Bytes of the frame of a function. */
struct graft_confined_range {
	uint32_t func;
	int64_t off;
	/** Exclusive. */
	int64_t end;
};

/** The search in one build. */
struct graft_confined {
	/** Borrowed. */
	const struct graft_confined_question *q;
	/** One per function: its code, once it was asked for. */
	struct graft_confined_body **bodies;
	/** One per function: registers that a call of it may change. */
	uint32_t *clobbers;
	bool *clobbers_known;
	struct graft_confined_call *calls;
	size_t call_count;
	size_t call_cap;
	/** Words that an address was put into, and bytes whose address was taken
	 * or that an index may lead to. */
	struct graft_confined_range *words;
	size_t word_count;
	size_t word_cap;
	struct graft_confined_range *exposed;
	size_t exposed_count;
	size_t exposed_cap;
	/** Instructions of all calls. */
	size_t sum;
	/** Why nothing is known, and where. */
	const char *fault;
	uint64_t fault_addr;
};

/** Looking at one call. */
struct graft_confined_run {
	struct graft_confined *all;
	/** Index of the call. */
	size_t call;
	const struct graft_confined_body *body;
	/** Instruction that is looked at. */
	uint64_t addr;
	/** Something is known now that was not. */
	bool changed;
	struct graft_error *err;
};

/** What a memory operand reaches. */
enum graft_confined_reach {
	/** Anything but the own frame and objects. */
	GRAFT_CONFINED_OUTSIDE,
	/** The own frame, at @c off from the stack pointer at entry. */
	GRAFT_CONFINED_IN_FRAME,
	/** Somewhere in the variable of the own frame that begins at @c off. */
	GRAFT_CONFINED_IN_VARIABLE,
	/** An object at @c off. */
	GRAFT_CONFINED_IN_OBJECT,
	/** That cannot be said. */
	GRAFT_CONFINED_NOBODY_KNOWS,
};

/** What a memory operand reaches. */
struct graft_confined_place {
	enum graft_confined_reach reach;
	int64_t off;
	/** Bytes from there that may be reached; 0 if unknown. */
	int64_t size;
	/** In a variable: how far from its start it is indexed. */
	int64_t from;
	/** Why nobody knows. */
	const char *fault;
};

/** Find what the memory operand of an instruction reaches. Not for `lea`. */
struct graft_confined_place
graft_confined_place_of(const struct graft_confined *all,
			const struct graft_confined_body *body,
			const struct graft_op *op,
			const struct graft_confined_state *state);

/** Find out what an address in the own frame is: an object, or another variable.
 *
 * @param[out] fault_ret Why that cannot be said, or NULL.
 * @param[out] size_ret Bytes of the variable; 0 if unknown.
 */
struct graft_confined_value
graft_confined_local(const struct graft_confined *all,
		     const struct graft_confined_body *body, int64_t off,
		     int64_t *size_ret, const char **fault_ret);

/**
 * Say whether two places of frames, one of each build, may as well be computed from
 * the object that both have: they are close to it, and as far from its start, or
 * both at its end.
 */
bool
graft_confined_is_ambiguous(const struct graft_confined *o,
			    const struct graft_confined_body *old_body,
			    int64_t old_off, const struct graft_confined *n,
			    const struct graft_confined_body *new_body,
			    int64_t new_off);

/** Say whether the frame pointer may be set to a place of the own frame: its
 * variables are counted from there, or from elsewhere. */
bool
graft_confined_is_frame_pointer(const struct graft_confined *all,
				const struct graft_confined_body *body,
				int64_t off);

/** Say whether the stack pointer is where variables of the own frame are counted
 * from, if they are. */
bool
graft_confined_is_stack_pointer(const struct graft_confined *all,
				const struct graft_confined_body *body,
				int64_t off);

/** Find the address of a place in a frame that an instruction puts into a register:
 * kind _OTHER if it puts none there. */
struct graft_confined_value
graft_confined_address_of(const struct graft_confined *all,
			  const struct graft_confined_body *body,
			  const struct graft_op *op,
			  const struct graft_confined_state *state);

/** Say that nothing is known. The first fault counts. */
void
graft_confined_fail(struct graft_confined_run *run, const char *fault);

/** Let an instruction change what is known; a step of graft_confined_ways. */
void
graft_confined_step(void *context, const struct graft_confined_body *body,
		    uint32_t at, struct graft_confined_state *state);

/** Note that the address of a function gets about: anybody may call it. A
 * graft_confined_lost_fn; the context is the struct graft_confined_run. */
void
graft_confined_lose(void *context, const struct graft_confined_value *value);

/** Note that bytes of the own frame may be reached by anybody. @param[in] size 0
 * if it is not known how many. */
void
graft_confined_expose(struct graft_confined_run *run, int64_t off,
		      int64_t size);

/** Note that a word of the own frame holds the address of an object. */
void
graft_confined_spill(struct graft_confined_run *run, int64_t off);

/** Let a call, or a jump that leaves, change what is known. */
void
graft_confined_do_call(struct graft_confined_run *run,
		       const struct graft_ops *part, const struct graft_op *op,
		       struct graft_confined_state *state);

/**
 * Note that a function is called in one way.
 *
 * @param[in] arguments #GRAFT_CONFINED_ARGUMENTS of them.
 * @return Whether what comes back may be the address of an object, as far as it is
 * known yet.
 */
bool
graft_confined_enter(struct graft_confined_run *run, uint32_t func,
		     const struct graft_confined_value *arguments);

/** Get the code of a function; NULL and an error in @p run if there is none. */
const struct graft_confined_body *
graft_confined_get_body(struct graft_confined_run *run, uint32_t func);

/** Find which registers a call of a function may change, a bit each. */
uint32_t
graft_confined_clobbers(struct graft_confined_run *run, uint32_t func);

/** Say whether a call sets bytes of an object to a constant: `memset`. */
bool
graft_confined_is_fill(const struct graft_confined *all,
		       const struct graft_ops *part, const struct graft_op *op,
		       const struct graft_confined_state *state);

/** Say whether an instruction does nothing but store a constant into an object. */
bool
graft_confined_is_constant_store(const struct graft_confined *all,
				 const struct graft_confined_body *body,
				 const struct graft_op *op,
				 const struct graft_confined_state *state);

/** Say whether it is `rep stos` of a constant into an object. */
bool
graft_confined_is_repeated_store(const struct graft_confined *all,
				 const struct graft_op *op,
				 const struct graft_confined_state *state);

/** Say whether an instruction loads a vector register with what nobody writes. */
bool
graft_confined_loads_constant(const struct graft_code *code,
			      const struct graft_op *op);

/** Find the member that bytes of an object lie in, or NULL. */
const struct graft_confined_member *
graft_confined_member_at(const struct graft_confined *all, int64_t off,
			 int64_t size);

#endif /* GRAFT_JUDGE_CONFINED_SEARCH_H */
