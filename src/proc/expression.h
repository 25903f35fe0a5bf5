// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Evaluate the DWARF expressions of unwind tables (DWARF 5, 2.5 and 6.4).
 *
 * Only what call frame information may use: no objects, no threads, no entry
 * values. Untrusted: every stack access and every branch is checked and the
 * number of steps is bounded.
 */

#ifndef GRAFT_PROC_EXPRESSION_H
#define GRAFT_PROC_EXPRESSION_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** DWARF numbers of x86-64: rax rdx rcx rbx rsi rdi rbp rsp r8-r15. */
	GRAFT_DWARF_RSP = 7,
	/** The return address, by the name of rip. */
	GRAFT_DWARF_RIP = 16,
	GRAFT_DWARF_REGS = 17,
};

/** Registers of one frame, by DWARF number. */
struct graft_dwarf_regs {
	uint64_t value[GRAFT_DWARF_REGS];
	/** Bit per register: the value is known. */
	uint32_t known;
};

/** Read one word of the target. @return false if it cannot be read. */
typedef bool (*graft_expression_read_fn)(void *arg, uint64_t addr,
					 uint64_t *ret);

/** What an expression may refer to. */
struct graft_expression_context {
	const struct graft_dwarf_regs *regs;
	/** Canonical frame address; NULL where there is none yet. */
	const uint64_t *cfa;
	graft_expression_read_fn read;
	void *read_arg;
};

/**
 * Evaluate an expression.
 *
 * @param[in] ops Operations as libdw decodes them.
 * @param[in] count How many; at least 1.
 * @param[out] ret The result.
 * @param[out] is_value_ret The result is the value itself
 * (DW_OP_stack_value), not the address where it lies.
 * @return false if it cannot be evaluated: an unknown register or operation,
 * an unreadable word, a stack over- or underflow, too many steps.
 */
bool
graft_expression_run(const struct graft_expression_context *context,
		     const Dwarf_Op *ops, size_t count, uint64_t *ret,
		     bool *is_value_ret);

#endif /* GRAFT_PROC_EXPRESSION_H */
