// SPDX-License-Identifier: Apache-2.0

/** @file Whether two instructions of two builds do the same. Private to
 * confined_same.h. */

#ifndef GRAFT_JUDGE_CONFINED_MATCH_H
#define GRAFT_JUDGE_CONFINED_MATCH_H

#include "judge/confined/same.h"
#include "judge/confined/search.h"

/** One side of a function, as one of its calls has it. */
struct graft_confined_side {
	const struct graft_confined *all;
	const struct graft_confined_body *body;
	const struct graft_confined_call *call;
	/** The instruction that stands for each, or #GRAFT_NONE. */
	uint32_t *partner;
	/** Registers whose constants were left out, a bit each. */
	uint32_t left_out;
};

/** A place in OLD's frame that stands for one in NEW's. */
struct graft_confined_binding {
	int64_t o;
	int64_t n;
	int64_t size;
};

/** Two places in code that must stand for each other. */
struct graft_confined_jump {
	uint32_t o;
	uint32_t n;
};

/** Comparing one function. */
struct graft_confined_match {
	const struct graft_confined_pair *pair;
	struct graft_confined_side o;
	struct graft_confined_side n;
	struct graft_confined_binding *bindings;
	size_t binding_count;
	size_t binding_cap;
	struct graft_confined_jump *jumps;
	size_t jump_count;
	size_t jump_cap;
	/** The instruction of NEW that is not the same, or 0. */
	uint64_t addr;
	struct graft_error *err;
};

/** Get an instruction of a side by its index among all. */
const struct graft_op *
graft_confined_side_op(const struct graft_confined_side *side, uint32_t at);

/** Get what is known before it. */
const struct graft_confined_state *
graft_confined_side_state(const struct graft_confined_side *side, uint32_t at);

/** Say whether an instruction is left out on its side. */
bool
graft_confined_is_left_out(const struct graft_confined_side *side, uint32_t at);

/** Say whether two instructions do the same, and note what must hold for that in
 * other places. */
bool
graft_confined_do_match(struct graft_confined_match *match, uint32_t o,
			uint32_t n);

#endif /* GRAFT_JUDGE_CONFINED_MATCH_H */
