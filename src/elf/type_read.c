// SPDX-License-Identifier: Apache-2.0

// What a type is made of, from its entry and the entries inside of it.

#include "base/hash.h"
#include "base/vec.h"
#include "elf/debug_model.h"
#include "elf/limits.h"

#include <dwarf.h>
#include <string.h>

enum {
	/** Variants inside of each other (Rust). */
	VARIANTS_MAX = 8,
};

/** A type that is being read. */
struct reading {
	struct graft_dwarf *dwarf;
	struct graft_type *type;
	size_t member_cap;
	size_t enumerator_cap;
	size_t virtual_cap;
	const void *last;
	/** Something inside cannot be understood. */
	bool odd;
	int depth;
};

/** Read where a member begins, from a number or a location. */
static bool
read_offset(Dwarf_Die *die, uint64_t *ret, bool *dynamic_ret)
{
	Dwarf_Attribute attr;
	Dwarf_Word word;
	Dwarf_Op *ops;
	size_t count;

	*ret = 0;
	*dynamic_ret = false;
	if (!dwarf_attr(die, DW_AT_data_member_location, &attr))
		return true;
	if (dwarf_formudata(&attr, &word) == 0) {
		*ret = word;
		return true;
	}
	if (dwarf_getlocation(&attr, &ops, &count) != 0)
		return false;
	if (count == 1 && ops[0].atom == DW_OP_plus_uconst)
		*ret = ops[0].number;
	else
		*dynamic_ret = true;
	return true;
}

/** Put a bit-field where it begins, from either way to say so. */
static bool
read_bits(struct reading *reading, Dwarf_Die *die, struct graft_member *member)
{
	uint64_t size;
	uint64_t off;

	if (!graft_dwarf_number(die, DW_AT_bit_size, &member->bit_size))
		return true;
	if (graft_dwarf_number(die, DW_AT_data_bit_offset, &off)) {
		member->bit_off += off;
		return true;
	}
	// DWARF 3: from the highest bit of what holds it.
	if (!graft_dwarf_number(die, DW_AT_bit_offset, &off))
		return true;
	if (!graft_dwarf_number(die, DW_AT_byte_size, &size)) {
		const struct graft_type *held;
		uint32_t number;
		struct graft_error *err = graft_dwarf_type_peel(
			reading->dwarf, member->type, &number, &held);
		if (err) {
			graft_error_free(err);
			return false;
		}
		size = held->size;
	}
	member->bit_off += size * 8 - off - member->bit_size;
	return true;
}

static struct graft_error *
add_member(struct reading *reading, Dwarf_Die *die, bool base)
{
	struct graft_type *type = reading->type;
	struct graft_member member = {
		.name = graft_dwarf_text(die, DW_AT_name),
		.base = base,
	};
	uint64_t off;

	(void)graft_dwarf_number(die, DW_AT_alignment, &member.align);
	struct graft_error *err = graft_dwarf_type_from(reading->dwarf, die,
							&member.type);

	if (!err)
		err = graft_vec_reserve(&type->members, &reading->member_cap,
					type->member_count + 1,
					sizeof(*type->members));
	if (err)
		return err;
	if (!read_offset(die, &off, &member.dynamic))
		reading->odd = true;
	member.bit_off = off * 8;
	if (!read_bits(reading, die, &member))
		reading->odd = true;
	type->members[type->member_count++] = member;
	return NULL;
}

static struct graft_error *
add_enumerator(struct reading *reading, const char *name, Dwarf_Die *die,
	       unsigned int attribute)
{
	struct graft_type *type = reading->type;
	Dwarf_Attribute attr;
	Dwarf_Sword value;
	Dwarf_Word word;
	struct graft_error *err = graft_vec_reserve(
		&type->enumerators, &reading->enumerator_cap,
		type->enumerator_count + 1, sizeof(*type->enumerators));

	if (err)
		return err;
	if (!dwarf_attr(die, attribute, &attr))
		return NULL;
	if (dwarf_formsdata(&attr, &value) != 0) {
		if (dwarf_formudata(&attr, &word) != 0) {
			reading->odd = true;
			return NULL;
		}
		value = (Dwarf_Sword)word;
	}
	type->enumerators[type->enumerator_count++] =
		(struct graft_enumerator){ name, value };
	return NULL;
}

/** Note what ends objects of a class. */
static void
note_ending(struct graft_type *type, Dwarf_Die *die)
{
	const char *name = graft_dwarf_text(die, DW_AT_name);
	uint64_t defaulted = 0;

	(void)graft_dwarf_number(die, DW_AT_defaulted, &defaulted);
	// What the compiler made up, or was told to, does what members need.
	if (name[0] == '~' && !graft_dwarf_flag(die, DW_AT_artificial) &&
	    defaulted != DW_DEFAULTED_in_class)
		type->has_destructor = true;
	if (strcmp(name, "operator delete []") == 0 ||
	    strcmp(name, "operator delete[]") == 0)
		type->has_delete = true;
}

static struct graft_error *
add_virtual(struct reading *reading, Dwarf_Die *die)
{
	struct graft_type *type = reading->type;
	struct graft_virtual function = { .index = UINT64_MAX };
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t count;
	uint64_t virtuality = 0;

	if (!graft_dwarf_number(die, DW_AT_virtuality, &virtuality) ||
	    virtuality == DW_VIRTUALITY_none)
		return NULL;
	struct graft_error *err = graft_vec_reserve(
		&type->virtuals, &reading->virtual_cap, type->virtual_count + 1,
		sizeof(*type->virtuals));
	if (err)
		return err;
	if (dwarf_attr(die, DW_AT_vtable_elem_location, &attr)) {
		Dwarf_Word word;
		if (dwarf_getlocation(&attr, &ops, &count) == 0) {
			if (count == 1)
				function.index = ops[0].number;
		} else if (dwarf_formudata(&attr, &word) == 0) {
			function.index = word;
		}
	}
	function.name = graft_dwarf_text(die, DW_AT_linkage_name);
	if (!function.name[0])
		function.name = graft_dwarf_text(die, DW_AT_name);
	type->virtuals[type->virtual_count++] = function;
	return NULL;
}

static struct graft_error *
read_children(struct reading *reading, Dwarf_Die *die);

static struct graft_error *
read_dimension(struct reading *reading, Dwarf_Die *die)
{
	struct graft_type *type = reading->type;
	uint64_t count = 0;
	uint64_t bound;
	uint64_t low = 0;

	if (!graft_dwarf_number(die, DW_AT_count, &count) &&
	    graft_dwarf_number(die, DW_AT_upper_bound, &bound)) {
		(void)graft_dwarf_number(die, DW_AT_lower_bound, &low);
		count = bound - low + 1;
	}
	type->dimensions = graft_hash_mix(type->dimensions, count);
	if (__builtin_mul_overflow(type->elements, count, &type->elements))
		reading->odd = true;
	return NULL;
}

static struct graft_error *
read_child(struct reading *reading, Dwarf_Die *die)
{
	struct graft_type *type = reading->type;
	bool aggregate = type->kind == GRAFT_TYPE_IS_STRUCT ||
			 type->kind == GRAFT_TYPE_IS_UNION;

	switch (dwarf_tag(die)) {
	case DW_TAG_member:
		// Static members have a place of their own.
		if (!aggregate || graft_dwarf_flag(die, DW_AT_external) ||
		    graft_dwarf_flag(die, DW_AT_declaration))
			return NULL;
		return add_member(reading, die, false);
	case DW_TAG_inheritance:
		return aggregate ? add_member(reading, die, true) : NULL;
	case DW_TAG_formal_parameter:
		return type->kind == GRAFT_TYPE_IS_FUNCTION
			       ? add_member(reading, die, false)
			       : NULL;
	case DW_TAG_unspecified_parameters:
		type->variadic = true;
		return NULL;
	case DW_TAG_enumerator:
		return add_enumerator(reading,
				      graft_dwarf_text(die, DW_AT_name), die,
				      DW_AT_const_value);
	case DW_TAG_subprogram:
		if (!aggregate)
			return NULL;
		note_ending(type, die);
		return add_virtual(reading, die);
	case DW_TAG_variant: {
		struct graft_error *err = add_enumerator(
			reading, "(variant)", die, DW_AT_discr_value);
		if (err)
			return err;
		return read_children(reading, die);
	}
	case DW_TAG_variant_part:
		return read_children(reading, die);
	case DW_TAG_subrange_type:
		if (type->kind != GRAFT_TYPE_IS_ARRAY)
			return NULL;
		return read_dimension(reading, die);
	default:
		return NULL;
	}
}

static struct graft_error *
read_children(struct reading *reading, Dwarf_Die *die)
{
	struct graft_error *err = NULL;
	Dwarf_Die child;
	int more = dwarf_child(die, &child);

	if (reading->depth++ >= VARIANTS_MAX) {
		reading->odd = true;
		return NULL;
	}
	while (!err && more == 0) {
		if ((uintptr_t)child.addr <= (uintptr_t)reading->last) {
			reading->odd = true;
			break;
		}
		reading->last = child.addr;
		err = read_child(reading, &child);
		if (!err)
			more = dwarf_siblingof(&child, &child);
	}
	reading->depth--;
	if (more < 0)
		reading->odd = true;
	return err;
}

static enum graft_type_kind
kind_of(int tag)
{
	switch (tag) {
	case DW_TAG_base_type:
	// The type of nullptr and the like.
	case DW_TAG_unspecified_type:
		return GRAFT_TYPE_IS_BASE;
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		return GRAFT_TYPE_IS_POINTER;
	case DW_TAG_ptr_to_member_type:
		return GRAFT_TYPE_IS_MEMBER_POINTER;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_interface_type:
		return GRAFT_TYPE_IS_STRUCT;
	case DW_TAG_union_type:
		return GRAFT_TYPE_IS_UNION;
	case DW_TAG_enumeration_type:
		return GRAFT_TYPE_IS_ENUM;
	case DW_TAG_array_type:
		return GRAFT_TYPE_IS_ARRAY;
	case DW_TAG_subroutine_type:
		return GRAFT_TYPE_IS_FUNCTION;
	case DW_TAG_typedef:
		return GRAFT_TYPE_IS_TYPEDEF;
	default:
		return GRAFT_TYPE_IS_ODD;
	}
}

/** Work out the size of what does not say it. */
static struct graft_error *
derive_size(struct graft_dwarf *dwarf, struct graft_type *type)
{
	const struct graft_type *element;
	uint32_t number;

	if (type->kind == GRAFT_TYPE_IS_POINTER && type->size == 0)
		type->size = 8;
	if (type->kind != GRAFT_TYPE_IS_ARRAY || type->size)
		return NULL;
	// Arrays of arrays of themselves are no arrays: the element was marked
	// as read before, and has no size yet.
	struct graft_error *err = graft_dwarf_type_peel(dwarf, type->target,
							&number, &element);
	if (err)
		return err;
	if (__builtin_mul_overflow(type->elements, element->size, &type->size))
		type->kind = GRAFT_TYPE_IS_ODD;
	return NULL;
}

struct graft_error *
graft_dwarf_type_read(struct graft_dwarf *dwarf, struct graft_type_entry *entry)
{
	struct graft_type *type = &entry->type;
	Dwarf_Die die = entry->die;
	int tag = dwarf_tag(&die);
	uint64_t encoding = 0;
	struct reading reading = { .dwarf = dwarf, .type = type };

	type->kind = kind_of(tag);
	type->name = graft_dwarf_type_name(dwarf, &die);
	if (!type->name[0] && type->kind != GRAFT_TYPE_IS_ODD)
		type->name = graft_dwarf_text(&die, DW_AT_name);
	type->declaration = graft_dwarf_flag(&die, DW_AT_declaration);
	type->reference = tag == DW_TAG_reference_type ||
			  tag == DW_TAG_rvalue_reference_type;
	(void)graft_dwarf_number(&die, DW_AT_byte_size, &type->size);
	(void)graft_dwarf_number(&die, DW_AT_encoding, &encoding);
	(void)graft_dwarf_number(&die, DW_AT_alignment, &type->align);
	type->vector = graft_dwarf_flag(&die, DW_AT_GNU_vector);
	type->encoding = (uint32_t)encoding;
	type->elements = type->kind == GRAFT_TYPE_IS_ARRAY;
	struct graft_error *err = graft_dwarf_type_from(dwarf, &die,
							&type->target);
	reading.last = die.addr;
	if (!err && dwarf_haschildren(&die) == 1)
		err = read_children(&reading, &die);
	if (!err)
		err = derive_size(dwarf, type);
	if (reading.odd)
		type->kind = GRAFT_TYPE_IS_ODD;
	return err;
}
