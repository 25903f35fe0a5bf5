// SPDX-License-Identifier: Apache-2.0

/** @file What open debug information is made of. Private to this folder. */

#ifndef GRAFT_ELF_DEBUG_MODEL_H
#define GRAFT_ELF_DEBUG_MODEL_H

#include "elf/debug_info.h"
#include "elf/reader.h"

#include <elfutils/libdw.h>

/** Addresses that one unit owns. */
struct graft_unit_range {
	uint64_t addr;
	/** Exclusive. */
	uint64_t end;
	uint32_t unit;
};

/** Names, types and subjects; made by the files that ask for them. */
struct graft_dwarf_index;

struct graft_dwarf {
	/** Borrowed. */
	const struct graft_image *image;
	/** Our copy: libelf unpacks compressed sections in place. */
	uint8_t *bytes;
	struct graft_reader *reader;
	Dwarf *handle;
	struct graft_unit *units;
	/** The unit's own entry, one for each of @ref units. */
	Dwarf_Die *unit_dies;
	size_t unit_count;
	size_t unit_cap;
	struct graft_unit_range *ranges;
	size_t range_count;
	size_t range_cap;
};

/** Get an attribute that is a text; "" if it is none. */
const char *
graft_dwarf_text(Dwarf_Die *die, unsigned int name);

/** Get an attribute that is a number. @return Whether it is there. */
bool
graft_dwarf_number(Dwarf_Die *die, unsigned int name, uint64_t *ret);

#endif /* GRAFT_ELF_DEBUG_MODEL_H */
