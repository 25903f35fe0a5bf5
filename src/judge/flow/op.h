// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What one instruction does, as far as rules ask: its memory operand, its
 * constant, the registers that it reads and writes.
 */

#ifndef GRAFT_JUDGE_OP_H
#define GRAFT_JUDGE_OP_H

#include "base/error.h"
#include "diff/code/code.h"
#include "judge/flow/graph.h"

/** A register by its number in the encoding, at any width. */
enum graft_reg {
	GRAFT_REG_RAX,
	GRAFT_REG_RCX,
	GRAFT_REG_RDX,
	GRAFT_REG_RBX,
	GRAFT_REG_RSP,
	GRAFT_REG_RBP,
	GRAFT_REG_RSI,
	GRAFT_REG_RDI,
	GRAFT_REG_R8,
	GRAFT_REG_R9,
	GRAFT_REG_R10,
	/** %xmm0; the others follow. */
	GRAFT_REG_XMM0 = 16,
	GRAFT_REG_RIP = 254,
	GRAFT_REG_NONE = 255,
};

/** Which class of instruction it is, where that matters to a rule. */
enum graft_op_class {
	GRAFT_OP_OTHER,
	GRAFT_OP_MOV,
	GRAFT_OP_LEA,
	/** add, sub. */
	GRAFT_OP_ADD,
	GRAFT_OP_IMUL,
	/** or, and, xor. */
	GRAFT_OP_BITS,
	GRAFT_OP_CMP,
	GRAFT_OP_TEST,
	GRAFT_OP_PUSH,
	GRAFT_OP_POP,
	GRAFT_OP_NOP,
	/** xor, sub, pxor and the like of a register with itself. */
	GRAFT_OP_ZERO,
	/** shl. */
	GRAFT_OP_SHIFT,
	/** cmovcc: a copy that may not happen. */
	GRAFT_OP_CMOV,
};

/** What an instruction with `lock` does to memory. */
enum graft_atomic {
	GRAFT_ATOMIC_OTHER,
	GRAFT_ATOMIC_INC,
	GRAFT_ATOMIC_DEC,
	/** add, and xadd with what it adds in its source. */
	GRAFT_ATOMIC_ADD,
	GRAFT_ATOMIC_SUB,
};

/** One instruction. */
struct graft_op {
	uint64_t addr;
	/** Function, or part of one, that it is in. */
	uint32_t func;
	/** Index in graft_code::insns, and its flags. */
	uint32_t insn;
	uint8_t flags;
	/** #graft_op_class. */
	uint8_t what;
	uint16_t mnemonic;
	/** Control does not go on behind it: `jmp`, `ret`. */
	bool ends;
	/** It has a memory operand: base + index * scale + disp. */
	bool has_mem;
	bool mem_read;
	bool mem_write;
	/** The memory operand is one number of floating point. */
	bool mem_float;
	/** The memory operand is relative to the instruction. */
	bool has_ref;
	bool has_imm;
	/** #graft_reg. */
	uint8_t base;
	uint8_t index;
	/** What the index is multiplied by; 0 without memory operand. */
	uint8_t scale;
	/** Bytes of the memory operand; of the result for `lea`. */
	uint16_t mem_size;
	/** Register wholly written by the first operand, or _NONE. That of
	 * `cmovcc` is not in @ref writes. */
	uint8_t dst;
	/** Bytes of @ref dst that the instruction names; 0 if _NONE. */
	uint8_t dst_size;
	/** Register that is the first operand, at any width, or _NONE. */
	uint8_t first;
	/** Register that is the second operand, or _NONE. */
	uint8_t src;
	int64_t disp;
	/** @ref disp from where the base pointed when it was last loaded: the
	 * constants that were added to it since are counted in. */
	int64_t reach;
	int64_t imm;
	/** Registers read and wholly written, a bit each (xmm from bit 16). */
	uint32_t reads;
	uint32_t writes;
	/** Registers of 64 bits of which all bits count, a bit each. */
	uint32_t wide;
	/** General registers of which the lowest byte alone is read, and those
	 * of which it alone is written. */
	uint16_t low_reads;
	uint16_t low_writes;
	/** It is `sub`, `leave`. */
	bool subtracts;
	bool is_leave;
	/** It has `lock`; #graft_atomic. */
	bool is_atomic;
	uint8_t atomic;
	/** Hash of everything but registers, displacement and constant. */
	uint32_t shape;
	/** Hash of the registers. */
	uint32_t regs;
	/** Where a branch inside the function goes; 0 otherwise. */
	uint64_t target;
};

/** The instructions of one function. */
struct graft_ops {
	const struct graft_code *code;
	uint32_t func;
	struct graft_op *ops;
	uint32_t count;
	/** How many of them are in @ref func itself: the first. */
	uint32_t own_count;
	/** %rbp points into the frame. */
	bool frame_pointer;
};

/**
 * Read the instructions of a function.
 *
 * @param[out] ret Filled; free with graft_ops_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_ops_read(const struct graft_code *code, uint32_t func,
	       struct graft_ops *ret);

/**
 * Append the instructions of another part of the function (`.cold`).
 *
 * @param[in,out] ops As read, of the first part.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_ops_append(struct graft_ops *ops, uint32_t part);

/** Let branches between parts that were appended count as branches inside the
 * function. */
void
graft_ops_join(struct graft_ops *ops);

/** Free what was read, and zero it. Also its guard. */
void
graft_ops_deinit(struct graft_ops *ops);

/** Say whether an operation's memory operand lies in the function's frame. */
bool
graft_op_in_frame(const struct graft_ops *ops, const struct graft_op *op);

/** Say whether an operation names memory by a pointer: not the frame, not
 * relative to the code, no mere address. */
bool
graft_op_through_pointer(const struct graft_ops *ops,
			 const struct graft_op *op);

/**
 * Say whether an operation puts a constant into a register.
 *
 * @param[in] reg #graft_reg.
 * @param[out] value_ret The constant.
 */
bool
graft_op_loads_constant(const struct graft_op *op, uint8_t reg,
			int64_t *value_ret);

/** Say whether an instruction writes a register to memory that is not of the frame,
 * so that it may outlive the call. */
bool
graft_op_stores_out(const struct graft_ops *ops, const struct graft_op *op);

/** Find the operation at an address; its index, or graft_ops::count. */
uint32_t
graft_op_at(const struct graft_ops *ops, uint64_t addr);

/** How far back graft_op_find_constant() looks, in instructions. */
enum {
	GRAFT_OP_BACK_MAX = 16,
};

/**
 * Find what a register holds before an instruction, if the instructions right
 * before it say so: back to the one that writes the register, over conditional
 * jumps, but not over a call that destroys it.
 *
 * @param[in] at Index of the instruction.
 * @param[in] reg #graft_reg.
 * @return Index of the writer, or graft_ops::count.
 */
uint32_t
graft_op_writer(const struct graft_ops *ops, uint32_t at, uint8_t reg);

/** Find the constant that a register holds before an instruction. */
bool
graft_op_find_constant(const struct graft_ops *ops, uint32_t at, uint8_t reg,
		       int64_t *value_ret);

/** Say whether a call may destroy a register (System V ABI). */
bool
graft_reg_is_volatile(uint8_t reg);

/** Get what is called or jumped to, or whose address is taken. */
struct graft_callee
graft_op_callee(const struct graft_ops *ops, const struct graft_op *op);

/** An instruction as text. */
struct graft_op_text {
	char str[128];
};

/** Write an instruction as `objdump -d` does (AT&T). */
struct graft_op_text
graft_op_print(const struct graft_ops *ops, const struct graft_op *op);

#endif /* GRAFT_JUDGE_OP_H */
