// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which constants are proven to be line numbers, and which functions differ in
 * nothing else.
 *
 * `lg(s, 200)` and `check(s, 200)` are the same code. A constant that an
 * instruction puts into a register counts as a line only if every way that it can
 * take (flow.h) ends in a call, and at each of those calls, on both sides,
 *
 *  - the argument is one that the interface of the called function says is a line
 *    (line_imports.def), or
 *  - the called function of this build hands it on to such an argument, unchanged,
 *    and to nothing else, or
 *  - the debug information says that the call stands on that very line.
 */

#ifndef GRAFT_DIFF_LINE_H
#define GRAFT_DIFF_LINE_H

#include "diff/code/flow.h"
#include "diff/diff.h"

struct graft_dwarf;

/** One build, as far as lines are asked for. */
struct graft_line_side {
	/** Borrowed. */
	const struct graft_code *code;
	struct graft_flow flow;
	/** What becomes of each argument of each function; see line.c. */
	uint8_t *fates;
	/** Debug information, or NULL. */
	struct graft_dwarf *dwarf;
	bool dwarf_tried;
};

/** Proves lines. */
struct graft_line_prover {
	/** Borrowed. */
	const struct graft_diff *diff;
	struct graft_line_side old_side;
	struct graft_line_side new_side;
};

/** Two constants that are lines. */
struct graft_line_pair {
	uint32_t old_line;
	uint32_t new_line;
};

/**
 * Make what proves lines.
 *
 * @param[in] diff With both codes; borrowed until the prover is freed.
 * @param[out] ret Filled; free with graft_line_prover_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_line_prover_init(const struct graft_diff *diff,
		       struct graft_line_prover *ret);

/** Free what a prover owns, and zero it. Also its guard. */
void
graft_line_prover_deinit(struct graft_line_prover *prover);

/**
 * Say whether two instructions differ in a constant that is a line on both sides.
 *
 * @param[in] old_func Function of @p old_insn; both are indexes of their side.
 * @param[out] pair_ret The lines, if @p ret is true.
 * @param[out] ret Whether it is proven.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_line_is_proven(struct graft_line_prover *prover, uint32_t old_func,
		     uint32_t old_insn, uint32_t new_func, uint32_t new_insn,
		     struct graft_line_pair *pair_ret, bool *ret);

/**
 * Say whether the code of two functions differs in nothing but lines: byte for
 * byte the same, references aside, and at least one line differs.
 *
 * What the references name is not compared.
 *
 * @param[out] ret Whether it is proven.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_line_only_differs(struct graft_line_prover *prover, uint32_t old_func,
			uint32_t new_func, bool *ret);

/** Say whether a NEW function is left as it is in OLD, because only lines differ. */
bool
graft_line_is_left(const struct graft_diff *diff, uint32_t new_func);

#endif /* GRAFT_DIFF_LINE_H */
