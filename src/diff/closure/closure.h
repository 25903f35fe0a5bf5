// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What must come along: the changed functions, what they need that OLD does not
 * have, and where each of their references goes.
 *
 * Work goes round in a queue: carrying a function resolves its references, which
 * may carry constants, whose pointers may carry functions.
 */

#ifndef GRAFT_DIFF_CLOSURE_H
#define GRAFT_DIFF_CLOSURE_H

#include "diff/diff.h"
#include "diff/match/inlined.h"

/** Whether all that OLD names in writable data is known in NEW; see fresh.h. */
enum graft_accounted {
	GRAFT_ACCOUNTED_UNKNOWN,
	GRAFT_ACCOUNTED_ALL,
	GRAFT_ACCOUNTED_NOT,
};

/** The work at hand. One per diff. */
struct graft_closure {
	struct graft_diff *diff;
	/** NEW functions that are to be resolved still. */
	uint32_t *queue;
	size_t queue_count;
	size_t queue_cap;
	size_t resolution_cap;
	size_t piece_cap;
	size_t pointer_cap;
	size_t finding_cap;
	/** The last constant that a pointer led to reaches from here to there. */
	uint64_t reach_start;
	uint64_t reach_end;
	/** OLD text by hash, to find equal text; see texts.h. */
	struct graft_text_index *texts;
	enum graft_accounted accounted;
	/** What was inlined into the last function that was asked. */
	struct graft_inlined inlined;
};

/**
 * Close over what changed: fills everything from graft_diff::carried on.
 *
 * @param[in,out] diff With changes found.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_closure_make(struct graft_diff *diff);

/** Carry a NEW function with its group. */
GRAFT_MUST_CHECK struct graft_error *
graft_closure_carry(struct graft_closure *closure, uint32_t func);

/**
 * Carry a piece of NEW data, and, when its turn comes, what its pointers need.
 *
 * @param[in] piece Copied. One that lies inside another that is carried is
 * dropped.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_closure_add_piece(struct graft_closure *closure,
			struct graft_piece piece);

/** Note something that cannot be settled. @param[in] fmt printf-style. */
GRAFT_MUST_CHECK struct graft_error *
graft_closure_find(struct graft_closure *closure, struct graft_finding finding,
		   const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif /* GRAFT_DIFF_CLOSURE_H */
