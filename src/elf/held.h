// SPDX-License-Identifier: Apache-2.0

/** @file Which variables a register holds, as debug information says. */

#ifndef GRAFT_ELF_HELD_H
#define GRAFT_ELF_HELD_H

#include "elf/debug_info.h"

enum {
	/** Variables of one register that are told apart. */
	GRAFT_HELD_MAX = 32,
};

/** The variables whose values one register has, none computed from it. */
struct graft_held {
	/** Their types, for graft_dwarf_type(). */
	uint32_t types[GRAFT_HELD_MAX];
	uint32_t count;
	/** There are more than fit. */
	bool more;
};

/**
 * Find the variables that a register holds where an instruction begins: locals
 * and parameters, also of what was inlined there. After graft_dwarf_scan().
 *
 * @param[in] addr Of the instruction.
 * @param[in] reg A general register, as in graft_location::reg.
 * @param[out] ret What is held; nothing if that is unknown.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT;
 * #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_held(struct graft_dwarf *dwarf, uint64_t addr, uint8_t reg,
		 struct graft_held *ret);

#endif /* GRAFT_ELF_HELD_H */
