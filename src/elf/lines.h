// SPDX-License-Identifier: Apache-2.0

/** @file Which line of which source file an instruction came from. */

#ifndef GRAFT_ELF_LINES_H
#define GRAFT_ELF_LINES_H

#include "elf/debug_info.h"

/** A place in the sources. */
struct graft_line {
	/** Path as the compiler knew it, mostly absolute; it need not exist
	 * here. Lives as long as the debug information. Never NULL. */
	const char *file;
	/** From 1; 0: the compiler made the instruction, no line did. */
	uint32_t line;
	/** From 1; 0 if unknown. */
	uint32_t column;
	/** Addresses that the row of the table covers; @ref end is exclusive. */
	uint64_t addr;
	uint64_t end;
};

/**
 * Find the line of an instruction.
 *
 * The first call in a unit decodes the whole line table of that unit.
 *
 * @param[in] addr Address in the image.
 * @param[out] ret The line; untouched if there is none.
 * @return Whether there is one. A malformed table has none.
 */
bool
graft_dwarf_line_at(struct graft_dwarf *dwarf, uint64_t addr,
		    struct graft_line *ret);

#endif /* GRAFT_ELF_LINES_H */
