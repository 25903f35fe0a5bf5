// SPDX-License-Identifier: Apache-2.0

/** @file What open debug information is made of. Private to this folder. */

#ifndef GRAFT_ELF_DEBUG_MODEL_H
#define GRAFT_ELF_DEBUG_MODEL_H

#include "elf/debug_info.h"
#include "elf/reader.h"
#include "elf/subjects.h"
#include "elf/types.h"

#include <elfutils/libdw.h>

/** Addresses that one unit owns. */
struct graft_unit_range {
	uint64_t addr;
	/** Exclusive. */
	uint64_t end;
	uint32_t unit;
};

/** A subject, and where it stands. */
struct graft_subject_entry {
	struct graft_subject subject;
	Dwarf_Die die;
};

/** Addresses that one function owns. */
struct graft_function_range {
	uint64_t addr;
	/** Exclusive. */
	uint64_t end;
	uint32_t function;
};

/** A named type, and where it stands. */
struct graft_named_entry {
	const char *name;
	Dwarf_Die die;
};

/** A unit by its handle. */
struct graft_unit_handle {
	const void *cu;
	uint32_t unit;
};

/** A type that was asked for. */
struct graft_type_entry {
	struct graft_type type;
	Dwarf_Die die;
	bool read;
	/** What type_align.c found. */
	bool has_align;
	uint64_t align;
};

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

	bool scanned;
	/** By ascending handle. */
	struct graft_unit_handle *handles;
	/** Functions by address, then variables, then thread-local ones. */
	struct graft_subject_entry *subjects;
	size_t subject_count;
	size_t subject_cap;
	uint32_t function_count;
	uint32_t variable_count;
	struct graft_function_range *function_ranges;
	size_t function_range_count;
	size_t function_range_cap;
	/** In the order of the file. */
	struct graft_named_type *named;
	struct graft_named_entry *named_entries;
	size_t named_count;
	size_t named_cap;
	/** First one of each unit; one more than units. */
	uint32_t *named_first;
	/** The same by name; made when it is asked for. */
	struct graft_named_type *by_name;
	/** Numbers of @ref named by the address of their entry, ascending. */
	uint32_t *by_entry;
	/** Texts that were put together. */
	char **texts;
	size_t text_count;
	size_t text_cap;

	/** By number. */
	struct graft_type_entry **types;
	size_t type_count;
	size_t type_cap;
	/** Hash table: number of a type, or 0, by its entry's address. */
	uint32_t *type_table;
	size_t type_table_size;
	/** Types that are being read. */
	int type_depth;
};

/** Get an attribute that is a text; "" if it is none. */
const char *
graft_dwarf_text(Dwarf_Die *die, unsigned int name);

/** The same, from what the entry completes or is a copy of, too. */
const char *
graft_dwarf_text_of(Dwarf_Die *die, unsigned int name);

/** Get an attribute that is a number. @return Whether it is there. */
bool
graft_dwarf_number(Dwarf_Die *die, unsigned int name, uint64_t *ret);

/** Get an attribute that is true or false. */
bool
graft_dwarf_flag(Dwarf_Die *die, unsigned int name);

/** Find the entry that one completes or is a copy of, or itself. */
Dwarf_Die
graft_dwarf_origin(Dwarf_Die *die);

/**
 * Number the type that an attribute leads to.
 *
 * @param[in] die Entry with a DW_AT_type, or with one of what it completes.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_type_from(struct graft_dwarf *dwarf, Dwarf_Die *die, uint32_t *ret);

/** Read what a type is made of. Malformed ones become _ODD. */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_type_read(struct graft_dwarf *dwarf,
		      struct graft_type_entry *entry);

/**
 * Read where a variable is: at an address, or an offset of the thread-local block.
 *
 * @param[in,out] subject Gets address, kind and whether it is all of it.
 * @return Whether it is at such a place; else @p subject is of no use.
 */
bool
graft_dwarf_place(Dwarf_Die *die, struct graft_subject *subject);

/** Where a walk over a function is. */
struct graft_dwarf_at {
	/** Linker's or source's name of the function that was inlined there, or
	 * "". */
	const char *scope;
	/** The innermost block, or the function, whose addresses are known. */
	Dwarf_Die *block;
	/** 1 for what is in no block and no other function. */
	int depth;
};

/** See one thing inside of a function: a parameter, a variable, or that it takes
 * more arguments. */
typedef struct graft_error *
graft_dwarf_walk_fn(void *context, Dwarf_Die *die,
		    const struct graft_dwarf_at *at);

/** Walk over what is inside of a function, of its blocks and of what was inlined
 * there. */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_walk(Dwarf_Die *function, graft_dwarf_walk_fn *see, void *context);

/** Put what the scan collected in order: subjects, ranges, named types. */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_order(struct graft_dwarf *dwarf);

/** Find the name that the scan gave to a type; "" if none. */
const char *
graft_dwarf_type_name(const struct graft_dwarf *dwarf, const Dwarf_Die *die);

/** Free the types. */
void
graft_dwarf_types_free(struct graft_dwarf *dwarf);

#endif /* GRAFT_ELF_DEBUG_MODEL_H */
