// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Types of debug information, read when they are asked for.
 *
 * Types are numbered; the same entry has the same number. What is not asked for
 * is not read. const, volatile and the like are left out: they are no layout.
 */

#ifndef GRAFT_ELF_TYPES_H
#define GRAFT_ELF_TYPES_H

#include "elf/debug_info.h"

/** Number of the type that nothing has. */
#define GRAFT_TYPE_VOID 0

enum graft_type_kind {
	GRAFT_TYPE_IS_VOID,
	/** A number, a character, a truth value. */
	GRAFT_TYPE_IS_BASE,
	/** Pointers and references. */
	GRAFT_TYPE_IS_POINTER,
	GRAFT_TYPE_IS_MEMBER_POINTER,
	/** struct and class. */
	GRAFT_TYPE_IS_STRUCT,
	GRAFT_TYPE_IS_UNION,
	GRAFT_TYPE_IS_ENUM,
	GRAFT_TYPE_IS_ARRAY,
	/** What a pointer to a function points to. */
	GRAFT_TYPE_IS_FUNCTION,
	GRAFT_TYPE_IS_TYPEDEF,
	/** Of a kind that is not known here, or malformed. */
	GRAFT_TYPE_IS_ODD,
};

/** A member of a struct or union, a base class, or a parameter. */
struct graft_member {
	/** "" if it has none. */
	const char *name;
	/** Where it begins, in bits from the start of the object. */
	uint64_t bit_off;
	/** Bits of a bit-field; 0 if it is none. */
	uint64_t bit_size;
	uint32_t type;
	/** Alignment that the source asks for; 0 if it does not. */
	uint64_t align;
	/** It is a base class. */
	bool base;
	/** Its place is found at run time (virtual bases). */
	bool dynamic;
};

/** A name for a number. */
struct graft_enumerator {
	const char *name;
	int64_t value;
};

/** A virtual function. */
struct graft_virtual {
	const char *name;
	/** Index in the virtual table; UINT64_MAX if unknown. */
	uint64_t index;
};

/** A type. */
struct graft_type {
	enum graft_type_kind kind;
	/** With its namespaces and classes ("a::b"); "" if it has none. */
	const char *name;
	/** Bytes of an object; 0 if unknown. */
	uint64_t size;
	/** DW_ATE_* of a base type. */
	uint32_t encoding;
	/** What is pointed to, the element, what a typedef stands for, what a
	 * function returns, the base of an enum. */
	uint32_t target;
	/** Elements of an array; 0 if it is open. */
	uint64_t elements;
	/** Tells arrays of as many elements but other dimensions apart. */
	uint64_t dimensions;
	/** An array that fits a register, and is aligned as one. */
	bool vector;
	/** Alignment that the source asks for; 0 if it does not. */
	uint64_t align;
	/** Only declared in this unit. */
	bool declaration;
	/** A reference of C++, or a function that takes more arguments. */
	bool reference;
	bool variadic;
	struct graft_member *members;
	size_t member_count;
	struct graft_enumerator *enumerators;
	size_t enumerator_count;
	struct graft_virtual *virtuals;
	size_t virtual_count;
	/** It has a destructor that the source wrote, or a virtual one. */
	bool has_destructor;
	/** It has operators `delete[]` of its own. */
	bool has_delete;
};

/**
 * Get a type.
 *
 * @param[in] type Number, as types and subjects have it.
 * @param[out] ret Lives as long as @p dwarf.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; #GRAFT_ERROR_LIMIT. A malformed entry is
 * #GRAFT_TYPE_IS_ODD.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_type(struct graft_dwarf *dwarf, uint32_t type,
		 const struct graft_type **ret);

/** Get what stands behind typedefs. A circle of them is #GRAFT_TYPE_IS_ODD. */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_type_peel(struct graft_dwarf *dwarf, uint32_t type,
		      uint32_t *type_ret, const struct graft_type **ret);

/**
 * Get what objects of a type are aligned to: what the source asks for, or what
 * follows from what it is made of. A packed struct counts as one that is not.
 *
 * @param[out] ret Bytes, a power of two; 0 if unknown.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_type_align(struct graft_dwarf *dwarf, uint32_t type, uint64_t *ret);

/**
 * Say whether arrays of a type are allocated with their count in front of them:
 * something is to be done when an object of it ends, or its class deletes arrays
 * in its own way.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_type_is_counted(struct graft_dwarf *dwarf, uint32_t type,
			    bool *ret);

/** Write "file.h:12" where a type or its member was declared; "" if unknown.
 *
 * @param[in] member Index, or #GRAFT_DWARF_NONE for the type itself.
 */
void
graft_dwarf_type_place(struct graft_dwarf *dwarf, uint32_t type,
		       uint32_t member, char *buf, size_t len);

/** A type that has a name, or an enum without. */
struct graft_named_type {
	/** With its namespaces; "" for an enum without. */
	const char *name;
	/** _STRUCT, _UNION, _ENUM or _TYPEDEF. */
	uint8_t kind;
	bool declaration;
	uint32_t unit;
	/** Its place in the list of all. */
	uint32_t number;
};

/**
 * Find the types of a name, after graft_dwarf_scan().
 *
 * @param[out] count_ret How many.
 * @return The first; they stand behind each other.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_types_named(struct graft_dwarf *dwarf, const char *name,
			const struct graft_named_type **ret, size_t *count_ret);

/** Find the named types of a unit, after graft_dwarf_scan(); as above. */
const struct graft_named_type *
graft_dwarf_types_in(struct graft_dwarf *dwarf, uint32_t unit,
		     size_t *count_ret);

/** Get the number of a named type for graft_dwarf_type(). */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_type_of(struct graft_dwarf *dwarf,
		    const struct graft_named_type *named, uint32_t *ret);

#endif /* GRAFT_ELF_TYPES_H */
