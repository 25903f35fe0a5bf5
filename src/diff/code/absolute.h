// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Absolute addresses in code of a program at a fixed address.
 *
 * The linker wrote them into operands as numbers; the static relocations that it
 * kept say which numbers are addresses. What is put into a register alone (`mov
 * $object,%edi`) is what position-independent code does by `lea object(%rip),%rdi`,
 * and whoever looks at instructions gets to see that. Any other (`cmp $end,%rax`,
 * `mov table(,%rax,8),%rdx`) is *folded* into an operand: it counts as an address
 * that is taken, of which nobody knows where it goes, and code that holds one is not
 * carried.
 */

#ifndef GRAFT_DIFF_ABSOLUTE_H
#define GRAFT_DIFF_ABSOLUTE_H

#include "diff/code/code.h"

#include <Zydis/Zydis.h>

enum {
	/** An instruction has one displacement and two constants at most. */
	GRAFT_ABSOLUTE_MAX = 3,
};

/** The absolute addresses of an instruction. */
struct graft_absolutes {
	struct graft_ref refs[GRAFT_ABSOLUTE_MAX];
	uint8_t count;
	/** #graft_bound. */
	uint8_t bound;
};

/**
 * Find the absolute addresses of an instruction.
 *
 * @param[in] image Not of a program at a fixed address: there are none.
 * @param[in] addr Address of the instruction, and @p bytes what is there.
 * @param[out] ret What was found. References but for their instruction.
 */
void
graft_absolute_find(const struct graft_image *image, uint64_t addr,
		    const uint8_t *bytes, const ZydisDecodedInstruction *zi,
		    struct graft_absolutes *ret);

/**
 * Show an instruction as position-independent code would have it: one that puts an
 * absolute address into a register as the `lea` that it stands for, and memory that is
 * named by one alone as relative to the instruction. All others stay as they are.
 *
 * @param[in,out] operands All of @p zi; room for ZYDIS_MAX_OPERAND_COUNT.
 */
void
graft_absolute_show(const struct graft_code *code,
		    const struct graft_func *func,
		    const struct graft_insn *insn, ZydisDecodedInstruction *zi,
		    ZydisDecodedOperand *operands);

#endif /* GRAFT_DIFF_ABSOLUTE_H */
