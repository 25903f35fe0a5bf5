// SPDX-License-Identifier: Apache-2.0

/** @file What an instruction calls, jumps to or takes the address of. */

#ifndef GRAFT_DIFF_CALLEE_H
#define GRAFT_DIFF_CALLEE_H

#include "diff/code/code.h"

/** What a call, jump or address names. */
struct graft_callee {
	/** Name of the dynamic symbol that it goes through, or NULL. */
	const char *import;
	/** Version of that symbol, or NULL. */
	const char *version;
	/** Function of the same build that starts there, or #GRAFT_NONE. */
	uint32_t func;
	/** Through a register or memory that no relocation explains. */
	bool indirect;
};

/** Find what an instruction calls, jumps to or takes the address of. */
struct graft_callee
graft_callee_of(const struct graft_code *code, const struct graft_insn *insn);

/**
 * Say what the slot or pointer that a relocation fills leads to.
 *
 * @param[in,out] callee Gets the import or the function, if there is one.
 */
void
graft_callee_of_reloc(const struct graft_code *code,
		      const struct graft_reloc *reloc,
		      struct graft_callee *callee);

/**
 * Say whether a call surely destroys all registers that the ABI lets it destroy: a
 * compiler that looks into the callee (-fipa-ra) would think so too.
 */
bool
graft_callee_destroys(const struct graft_code *code,
		      const struct graft_callee *callee);

#endif /* GRAFT_DIFF_CALLEE_H */
