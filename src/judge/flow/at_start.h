// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which code of a program runs when it starts, and never again: main() outside of
 * loops, and functions that only such code calls, outside of theirs.
 */

#ifndef GRAFT_JUDGE_AT_START_H
#define GRAFT_JUDGE_AT_START_H

#include "judge/flow/graph.h"
#include "judge/flow/op.h"

/** What runs at the start of one build. Zeroed before graft_at_start_init(). */
struct graft_at_start {
	/** Borrowed. */
	const struct graft_code *code;
	/** First part of main(), or #GRAFT_NONE. */
	uint32_t main_func;
	/** Each function, by its first part: it runs at the start only. */
	bool *funcs;
};

/**
 * Find what runs at the start.
 *
 * @param[in] graph Of the build; its code is borrowed.
 * @param[out] ret Filled; free with graft_at_start_deinit(), also if this fails.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_at_start_init(const struct graft_graph *graph,
		    struct graft_at_start *ret);

/** Free what was found, and zero it. Also its guard. */
void
graft_at_start_deinit(struct graft_at_start *start);

/** Say whether an instruction of a function runs at the start only. */
bool
graft_at_start_has(const struct graft_at_start *start,
		   const struct graft_ops *ops, uint32_t at);

#endif /* GRAFT_JUDGE_AT_START_H */
