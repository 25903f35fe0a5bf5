// SPDX-License-Identifier: Apache-2.0

/** @file One side of a comparison, and the names of what its code refers to. */

#ifndef GRAFT_EXPLAIN_SIDE_H
#define GRAFT_EXPLAIN_SIDE_H

#include "base/text.h"
#include "diff/diff.h"

struct graft_dwarf;

/** One build. */
struct graft_side {
	/** Borrowed. */
	const struct graft_diff *diff;
	const struct graft_code *code;
	/** Debug information, or NULL. */
	struct graft_dwarf *dwarf;
	bool is_new;
};

/**
 * Append the name of a function.
 *
 * A function of a stripped NEW build is called as its counterpart, so that both
 * sides speak of one thing by one name.
 */
void
graft_side_put_func(const struct graft_side *side, uint32_t func,
		    struct graft_text *text);

/**
 * Append an instruction in AT&T syntax, references by name, branches inside of
 * the function as "+0x12".
 *
 * @param[in] func Function that it belongs to.
 * @param[in] insn Index in graft_code::insns.
 */
void
graft_side_put_insn(const struct graft_side *side, uint32_t func, uint32_t insn,
		    struct graft_text *text);

#endif /* GRAFT_EXPLAIN_SIDE_H */
