// SPDX-License-Identifier: Apache-2.0

/** @file What one instruction does with stack pointers (stack_switch.h). */

#ifndef GRAFT_PLAN_STACK_STEP_H
#define GRAFT_PLAN_STACK_STEP_H

#include <Zydis/Zydis.h>
#include <stdbool.h>
#include <stdint.h>

/** General registers by their number in the encoding. */
enum {
	GRAFT_STEP_RSP = 4,
	GRAFT_STEP_RBP = 5,
	GRAFT_STEP_NO_REG = 255,
	/** push has no displacement. */
	GRAFT_STEP_ANY_DISP = INT32_MIN,
};

/** What it does. */
enum graft_step_what {
	GRAFT_STEP_OTHER,
	/** A register into another. */
	GRAFT_STEP_COPY,
	/** An address into a register: one or two registers and a constant. */
	GRAFT_STEP_ADDRESS,
	/** What stands at an address into a register. */
	GRAFT_STEP_LOAD,
	/** A register to an address; a push. */
	GRAFT_STEP_STORE,
	GRAFT_STEP_POP,
	/** A register changes by something. */
	GRAFT_STEP_CHANGE,
	/** Two change places. */
	GRAFT_STEP_SWAP,
};

/** What an instruction does with general registers. */
struct graft_step {
	uint8_t what;
	uint8_t dst;
	uint8_t src;
	/** The second register of an address. */
	uint8_t index;
	int32_t disp;
	/** Registers that it writes, a bit each. */
	uint16_t writes;
	bool is_call;
	/** Control does not go on behind it. */
	bool ends;
	/** It is padding. */
	bool is_gap;
};

/** Say whether a call may change a register (System V ABI). */
bool
graft_step_is_volatile(uint8_t reg);

/**
 * Tell what an instruction does.
 *
 * @param[in] operands All of its operands, hidden ones too.
 */
struct graft_step
graft_step_read(const ZydisDecodedInstruction *insn,
		const ZydisDecodedOperand *operands);

#endif /* GRAFT_PLAN_STACK_STEP_H */
