// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * All code of one function, its cut-off parts too, and the ways through it. As
 * ways.h, but what jumps between the parts is followed. Private to confined.h.
 */

#ifndef GRAFT_JUDGE_CONFINED_BODY_H
#define GRAFT_JUDGE_CONFINED_BODY_H

#include "judge/confined/values.h"

/** The code of a group of functions. */
struct graft_confined_body {
	/** Borrowed. */
	const struct graft_code *code;
	/** The function that is entered; the others are its parts. */
	uint32_t func;
	/** One for each part, the entered one first. */
	struct graft_ops *parts;
	size_t part_count;
	/** Index of the first instruction of each part among all; one more. */
	uint32_t *first;
	/** The stack pointer where the function calls, from that at its entry. */
	int64_t rsp;
};

/**
 * Read the code of a function and of its parts: those of its group, and what only
 * they jump to.
 *
 * @param[in] code Borrowed until the result is freed.
 * @param[in] graph Borrowed for the call.
 * @param[in] func Index of the function.
 * @param[out] ret New; free with graft_confined_body_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_confined_body_make(const struct graft_code *code,
			 const struct graft_graph *graph, uint32_t func,
			 struct graft_confined_body **ret);

/** Free code. NULL is a no-op. */
void
graft_confined_body_free(struct graft_confined_body *body);
GRAFT_DEFINE_CLEANUP(struct graft_confined_body, graft_confined_body_free)

/** Get an instruction by its index among all, and the part that it is in. */
const struct graft_op *
graft_confined_op(const struct graft_confined_body *body, uint32_t at,
		  const struct graft_ops **part_ret);

/** Count the instructions of all parts. */
uint32_t
graft_confined_count(const struct graft_confined_body *body);

/** Find the instruction at an address; its index, or the count. */
uint32_t
graft_confined_at(const struct graft_confined_body *body, uint64_t addr);

/** Find where a branch goes among all instructions, or the count if it leaves. */
uint32_t
graft_confined_target(const struct graft_confined_body *body, uint32_t at);

/** What the ways are followed with. */
struct graft_confined_ways {
	/** Let an instruction change what is known. */
	void (*step)(void *context, const struct graft_confined_body *body,
		     uint32_t at, struct graft_confined_state *state);
	graft_confined_lost_fn *lost;
	void *context;
};

/**
 * Follow every way from the entry, until nothing is new.
 *
 * What no way reaches (targets of jump tables, landing pads) is entered with what
 * holds at each indirect jump and behind each call.
 *
 * @param[out] states_ret What is known before each instruction; free with free(3).
 * @param[out] seen_ret Whether some way comes there; free with free(3).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_confined_follow(const struct graft_confined_body *body,
		      const struct graft_confined_state *entry,
		      const struct graft_confined_ways *ways,
		      struct graft_confined_state **states_ret,
		      bool **seen_ret);

#endif /* GRAFT_JUDGE_CONFINED_BODY_H */
