// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where the local variables of a function are while it runs, as debug information
 * says it: for which instructions a register, or a word of the frame, holds one.
 */

#ifndef GRAFT_ELF_LOCATIONS_H
#define GRAFT_ELF_LOCATIONS_H

#include "elf/debug_info.h"

/** A local variable or parameter, whole, at one place for a while. */
struct graft_location {
	/** The instructions that find it there. */
	uint64_t addr;
	/** Exclusive. */
	uint64_t end;
	/** Type of the variable, for graft_dwarf_type(). */
	uint32_t type;
	/** It is at @ref off in the frame; else in @ref reg. */
	bool in_frame;
	/** Number in the encoding: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8. */
	uint8_t reg;
	/** Bytes from where the stack pointer stood at the entry, which is where
	 * the return address is. */
	int64_t off;
};

/** All of one function, inlined ones too. */
struct graft_locations {
	struct graft_location *list;
	size_t count;
	size_t cap;
};

/**
 * Collect where a function has its variables. What is computed, in pieces, or
 * nowhere is left out.
 *
 * @param[in] function As graft_dwarf_function_at() found it.
 * @param[out] ret Free with graft_locations_deinit().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT;
 * #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_locations(struct graft_dwarf *dwarf, uint32_t function,
		      struct graft_locations *ret);

/** Free them, and zero the list. Also its guard. */
void
graft_locations_deinit(struct graft_locations *locations);

#endif /* GRAFT_ELF_LOCATIONS_H */
