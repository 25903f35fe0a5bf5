// SPDX-License-Identifier: Apache-2.0

/** @file Instructions as Zydis tells them. For op.c, op_read.c, op_reach.c
 * and interleave/. */

#ifndef GRAFT_JUDGE_OP_DECODE_H
#define GRAFT_JUDGE_OP_DECODE_H

#include "diff/code/code.h"

#include <Zydis/Zydis.h>

struct graft_ops;

/** An instruction as Zydis tells it. */
struct graft_decoded {
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

/** Decode an instruction, as diff/code/absolute.h shows it; false if it is none. */
bool
graft_op_decode(const struct graft_code *code, const struct graft_func *func,
		const struct graft_insn *insn, struct graft_decoded *ret);

/** Say whether an instruction makes a register zero out of itself: xor, sub, pxor. */
bool
graft_op_is_zeroing(const struct graft_decoded *d);

/**
 * Fill graft_op::reach, straight on through the function; what stands behind its end on
 * one way, a jump or a return, is come to from where the first jump to it stands.
 *
 * @param[in] f The function that was read last.
 * @param[in] first Where its instructions begin.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_ops_find_reaches(struct graft_ops *ops, const struct graft_func *f,
		       uint32_t first);

#endif /* GRAFT_JUDGE_OP_DECODE_H */
