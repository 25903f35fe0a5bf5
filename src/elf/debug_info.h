// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The debug information of an image: what it says of units.
 *
 * Comes from the image's own sections or from the separate debug file that was
 * found with it (image.h), so it is always of the same build. Nothing of it is
 * believed: depths, counts and sizes have limits, and whatever is malformed is
 * an error of this folder, not a crash. lines.h, types.h and subjects.h ask it.
 *
 * What is read is remembered, so a handle belongs to one thread.
 */

#ifndef GRAFT_ELF_DEBUG_INFO_H
#define GRAFT_ELF_DEBUG_INFO_H

#include "elf/image.h"

/** Debug information that is open. */
struct graft_dwarf;

/** No unit, type or subject. */
#define GRAFT_DWARF_NONE UINT32_MAX

/** A unit: what one run of the compiler made. */
struct graft_unit {
	/** The source file as the compiler was called with it; "" if unknown. */
	const char *name;
	/** The directory that the compiler ran in; "" if unknown. */
	const char *dir;
	/** Who compiled it; "" if unknown. */
	const char *producer;
	/** DW_LANG_*; 0 if unknown. */
	uint32_t language;
	/** Alignments that the source asks for are left out. */
	bool no_align;
	/** Written by an assembler: lines, but no types. */
	bool assembly;
	/** Its types and variables are in a file that we do not read (split). */
	bool incomplete;
	/** No source file, but types and the like that several units share. */
	bool shared;
};

/**
 * Open the debug information of an image.
 *
 * @param[in] image Borrowed until graft_dwarf_close().
 * @param[out] ret New handle; free with graft_dwarf_close().
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if there is none;
 * #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT; #GRAFT_ERROR_UNSUPPORTED (it
 * needs another file that is not there); #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_open(const struct graft_image *image, struct graft_dwarf **ret);

/** Free debug information. NULL is a no-op. */
void
graft_dwarf_close(struct graft_dwarf *dwarf);
GRAFT_DEFINE_CLEANUP(struct graft_dwarf, graft_dwarf_close)

/** Get all units, in the order of the file. @param[out] count_ret How many. */
const struct graft_unit *
graft_dwarf_units(const struct graft_dwarf *dwarf, size_t *count_ret);

/**
 * Say whether a unit describes types at all: units of assemblers, and those that
 * were compiled for lines only (`-g1`), do not.
 *
 * @param[in] unit Index in graft_dwarf_units().
 */
bool
graft_dwarf_unit_has_types(const struct graft_dwarf *dwarf, uint32_t unit);

/**
 * Find the unit that code at an address came from.
 *
 * @return Its index, or #GRAFT_DWARF_NONE.
 */
uint32_t
graft_dwarf_unit_at(const struct graft_dwarf *dwarf, uint64_t addr);

#endif /* GRAFT_ELF_DEBUG_INFO_H */
