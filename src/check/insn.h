// SPDX-License-Identifier: Apache-2.0

/** @file One instruction of a world, decoded and compared with another. */

#ifndef GRAFT_CHECK_INSN_H
#define GRAFT_CHECK_INSN_H

#include "base/text.h"
#include "check/world.h"

#include <Zydis/Zydis.h>

/** How control goes on behind an instruction. */
enum graft_insn_flow {
	GRAFT_INSN_NEXT,
	GRAFT_INSN_CALL,
	/** A direct jump, taken or not. */
	GRAFT_INSN_BRANCH,
	GRAFT_INSN_JUMP,
	/** A jump through a register or memory, a return, a trap. */
	GRAFT_INSN_END,
};

enum {
	/** A displacement and two constants. */
	GRAFT_INSN_ABSOLUTES = 3,
};

/** An address as a number in an instruction. */
struct graft_insn_absolute {
	uint64_t addr;
	/** Where its field stands, and how long it is. */
	uint8_t off;
	uint8_t len;
	/** A register gets it, and nothing else. */
	bool alone;
	/** It is added to what may be an index. */
	bool added;
};

/** A decoded instruction. */
struct graft_insn_view {
	uint64_t addr;
	uint64_t next;
	const uint8_t *bytes;
	uint8_t len;
	ZydisDecodedInstruction raw;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	enum graft_insn_flow flow;
	/** Does nothing: nop, endbr64. */
	bool idle;
	/** Target of a direct call, jump or branch, or 0. */
	uint64_t target;
	/** It has an operand relative to the next instruction. */
	bool has_memory;
	uint64_t memory;
	/** Bytes that it reads or writes there; 0 if it takes the address. */
	uint32_t memory_len;
	/** Where the field of that operand stands in @ref bytes. */
	uint8_t memory_off;
	/** Addresses in it that stand for themselves, in a program at a fixed
	 * address. */
	struct graft_insn_absolute absolutes[GRAFT_INSN_ABSOLUTES];
	uint8_t absolute_count;
};

/**
 * Decode the instruction at an address.
 *
 * @param[in] decoder For 64-bit code.
 * @param[out] ret What it is.
 * @return Whether there is one.
 */
bool
graft_insn_decode(const struct graft_world *world, const ZydisDecoder *decoder,
		  uint64_t addr, struct graft_insn_view *ret);

/**
 * Ask whether two instructions are the same but for what they refer to: the
 * same bytes, with displacements to memory and code blanked. A branch may be
 * encoded short in one and long in the other.
 */
bool
graft_insn_same(const struct graft_insn_view *a,
		const struct graft_insn_view *b);

/** Append an instruction as text, or its bytes if it does not decode. */
void
graft_insn_print(const struct graft_world *world, const ZydisDecoder *decoder,
		 uint64_t addr, struct graft_text *text);

#endif /* GRAFT_CHECK_INSN_H */
