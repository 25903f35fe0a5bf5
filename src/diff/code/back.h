// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which addresses a function takes in order to reach below them, and which as
 * the base of distances.
 *
 * Compilers take the address past the end of an array and come to its start by
 * subtraction (`lea t+64(%rip),%rsi; lea -64(%rsi),%rdi`), or count a negative
 * index up to zero. The address that is named then belongs to what stands before
 * it. Registers are followed in the order of the addresses until they are
 * overwritten.
 *
 * clang makes tables of distances from the table to texts and functions (`lea
 * t(%rip),%r; movslq (%r,%i,4),%d; add %r,%d`): what they lead to belongs to them.
 */

#ifndef GRAFT_DIFF_BACK_H
#define GRAFT_DIFF_BACK_H

#include "diff/code/code.h"

#include <Zydis/Zydis.h>

/** What registers hold; zeroed at the start of a function. */
struct graft_back {
	/** By register: 1 + index of the reference that it holds, or 0. */
	uint32_t holds[16];
	/** Number of registers that hold one. */
	uint32_t held;
	/** By register: 1 + index of the reference that it holds as it was taken,
	 * not moved, or 0. */
	uint32_t exact[16];
	/** By register: 1 + index of the reference behind which a distance was
	 * loaded into it, or 0. */
	uint32_t loaded[16];
	/** By register: whether it holds a distance that was loaded. */
	uint16_t distance;
	/** Set of registers that hold a negative number. */
	uint16_t negative;
};

/** Note that a `lea` put the address of reference @p ref into a register. */
void
graft_back_take(struct graft_back *back, uint8_t reg, uint32_t ref);

/**
 * Look at one instruction; sets graft_ref::back of what it reaches below,
 * graft_ref::spread of what a loaded distance is added to, and graft_ref::table
 * where it was loaded from there.
 *
 * Needs to be called only while graft_back::held is not 0, and for instructions
 * that load a number.
 */
void
graft_back_note(struct graft_back *back, struct graft_ref *refs,
		const ZydisDecodedInstruction *insn,
		const ZydisDecodedOperand *operands);

#endif /* GRAFT_DIFF_BACK_H */
