// SPDX-License-Identifier: Apache-2.0

/** @file An instruction that is executed: what its operands hold and get. Inside
 * interleave/ only. */

#ifndef GRAFT_JUDGE_STEP_H
#define GRAFT_JUDGE_STEP_H

#include "judge/flow/op_decode.h"
#include "judge/interleave/side.h"

/** An instruction that is executed. */
struct graft_exec_step {
	const struct graft_side *side;
	struct graft_terms *terms;
	struct graft_side_state *state;
	const struct graft_decoded *d;
	graft_term now;
	uint32_t at;
	/** What it writes out of the frame, or 0. */
	graft_term effect;
	/** Why it is not known what it does, or NULL. Static. */
	const char *why;
};

enum {
	/** Marks of terms that stand beside those of operands. */
	GRAFT_STEP_ADDRESS = 0x100,
	GRAFT_STEP_FLAGS = 0x200,
	GRAFT_STEP_OLD = 0x300,
	GRAFT_STEP_NOW = 0x400,
};

/** Get the address that a memory operand names. */
graft_term
graft_exec_address(struct graft_exec_step *s,
		   const ZydisDecodedOperandMem *mem);

/** Get what an operand holds; of one that is only computed, its address. */
graft_term
graft_exec_read(struct graft_exec_step *s, const ZydisDecodedOperand *o);

/** Let an operand hold something. */
void
graft_exec_write(struct graft_exec_step *s, const ZydisDecodedOperand *o,
		 graft_term term);

/** Put @p term on the stack; @p graft_exec_pop() takes it off. */
void
graft_exec_push(struct graft_exec_step *s, graft_term term);

/** Take what is on top of the stack. */
graft_term
graft_exec_pop(struct graft_exec_step *s);

/** Prepend a term to a list of them, with a mark that says which it is. */
graft_term
graft_exec_arg(struct graft_exec_step *s, graft_term args, uint64_t mark,
	       graft_term term);

#endif /* GRAFT_JUDGE_STEP_H */
