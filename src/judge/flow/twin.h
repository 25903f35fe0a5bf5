// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A carried function beside the one that it replaces, instruction by
 * instruction.
 *
 * graft_diff_align() finds what stayed. Between, instructions are paired that
 * do the same to other registers, with another displacement or with another
 * constant: the best of all alignments by a score in which more of the same is
 * worth more.
 *
 * Where one side has a part (`.cold`) without counterpart, all parts of both are
 * put side by side as one function, and code that moved between them is looked for.
 */

#ifndef GRAFT_JUDGE_TWIN_H
#define GRAFT_JUDGE_TWIN_H

#include "diff/diff.h"
#include "judge/flow/op.h"

/** Two instructions that stand for each other, as indexes in their ops. */
struct graft_twin_pair {
	uint32_t o;
	uint32_t n;
};

/** Both sides of a changed function. */
struct graft_twin {
	struct graft_ops old_ops;
	struct graft_ops new_ops;
	/** Ascending on both sides within a part of the function. */
	struct graft_twin_pair *pairs;
	size_t count;
	/** Some stretch was rewritten and is too long to be compared. */
	bool partial;
	/** Each OLD, each NEW instruction: it stands in a pair. */
	bool *old_paired;
	bool *new_paired;
};

/**
 * Put a NEW function beside its counterpart.
 *
 * @param[in] new_func A function with a counterpart.
 * @param[out] ret Filled; free with graft_twin_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_twin_make(const struct graft_diff *diff, uint32_t new_func,
		struct graft_twin *ret);

/**
 * Put any NEW function beside any OLD one.
 *
 * @param[in] old_func One that the NEW function may be a version of.
 * @param[out] ret As for graft_twin_make().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_twin_make_of(const struct graft_diff *diff, uint32_t old_func,
		   uint32_t new_func, struct graft_twin *ret);

/** Two instructions as text. */
struct graft_twin_text {
	char str[384];
};

/**
 * Write two instructions that stand for each other, each with its address:
 * "`add $8, %rax` (0x1130 of OLD), now `add $16, %rax` (0x1150 of NEW)".
 *
 * @param[in] o Index in the OLD ops, or their count where there is none; so
 * @p n in the NEW ones.
 */
struct graft_twin_text
graft_twin_print(const struct graft_twin *twin, uint32_t o, uint32_t n);

/** Free what a twin owns, and zero it. Also its guard. */
void
graft_twin_deinit(struct graft_twin *twin);

#endif /* GRAFT_JUDGE_TWIN_H */
