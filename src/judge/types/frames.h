// SPDX-License-Identifier: Apache-2.0

/** @file What the parts of types_frames.c share. Private to them. */

#ifndef GRAFT_JUDGE_TYPES_FRAMES_H
#define GRAFT_JUDGE_TYPES_FRAMES_H

#include "judge/confined/confined.h"
#include "judge/types/state.h"

/** One side of the question whether a struct lives in frames only. */
struct graft_frames_side {
	struct graft_types_state *state;
	struct graft_dwarf *dwarf;
	const struct graft_code *code;
	const struct graft_graph *graph;
	const struct graft_func_match *match;
	/** What is asked about. */
	const struct graft_type *type;
	uint32_t number;
	/** What is asked of the code; see confined.h. Owned. */
	struct graft_confined_frame *frames;
	bool *roots;
	bool *closed;
	/** One per function: it must be handed objects. */
	bool *given;
	struct graft_confined_member *members;
	/** Some function has an object. */
	bool owned;
	/** Why it does not live in frames only, or NULL. */
	const char *fault;
	/** The function that says so, or #GRAFT_NONE, and where in it. */
	uint32_t fault_func;
	uint64_t fault_addr;
};

/** Free what a side owns. Also its guard. */
void
graft_frames_side_deinit(struct graft_frames_side *side);

/** Say whether a type names the one that is asked about: it is it, or leads to it
 * through pointers, arrays, functions and what has no name of its own. Leaves @p ret
 * alone if not. */
GRAFT_MUST_CHECK struct graft_error *
graft_frames_names(const struct graft_frames_side *side, uint32_t number,
		   int depth, bool *ret);

/** Say whether only functions name the type: no variable, and no other type. */
GRAFT_MUST_CHECK struct graft_error *
graft_frames_are_named_by_functions(const struct graft_frames_side *side,
				    bool *ret);

/**
 * Find out which functions have objects and where, which are handed some, and what
 * the code is to be asked. Sets the side's fault if one of them may get them from
 * elsewhere, or keeps them across the change.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_frames_collect(struct graft_frames_side *side);

#endif /* GRAFT_JUDGE_TYPES_FRAMES_H */
