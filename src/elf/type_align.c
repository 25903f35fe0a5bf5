// SPDX-License-Identifier: Apache-2.0

// What objects of a type are aligned to. Debug information only has what the
// source asks for; the rest follows from the members.

#include "elf/debug_model.h"

#include <dwarf.h>

enum {
	/** Types inside of each other. */
	DEPTH_MAX = 64,
	/** Largest natural alignment: a register of AVX-512. */
	NATURAL_MAX = 64,
};

static struct graft_error *
align_of(struct graft_dwarf *dwarf, uint32_t type, int depth, uint64_t *ret);

/** Find the largest alignment among members. */
static struct graft_error *
align_of_members(struct graft_dwarf *dwarf, const struct graft_type *type,
		 int depth, uint64_t *ret)
{
	struct graft_error *err = NULL;

	*ret = type->member_count || type->size ? 1 : 0;
	for (size_t i = 0; !err && i < type->member_count; i++) {
		const struct graft_member *member = &type->members[i];
		uint64_t align = member->align;
		if (!align)
			err = align_of(dwarf, member->type, depth + 1, &align);
		// A member of a packed struct stands anywhere.
		if (!err && align > *ret && !member->dynamic &&
		    (member->bit_size || member->bit_off % (align * 8) == 0))
			*ret = align;
	}
	return err;
}

/** The same without what the source asks for. */
static struct graft_error *
natural_align_of(struct graft_dwarf *dwarf, const struct graft_type *type,
		 int depth, uint64_t *ret)
{
	*ret = 0;
	switch (type->kind) {
	case GRAFT_TYPE_IS_TYPEDEF:
		return align_of(dwarf, type->target, depth + 1, ret);
	case GRAFT_TYPE_IS_ARRAY:
		if (!type->vector)
			return align_of(dwarf, type->target, depth + 1, ret);
		break;
	case GRAFT_TYPE_IS_STRUCT:
	case GRAFT_TYPE_IS_UNION:
		return type->declaration
			       ? NULL
			       : align_of_members(dwarf, type, depth, ret);
	case GRAFT_TYPE_IS_BASE:
	case GRAFT_TYPE_IS_ENUM:
	case GRAFT_TYPE_IS_POINTER:
	case GRAFT_TYPE_IS_MEMBER_POINTER:
		break;
	default:
		return NULL;
	}
	// Two halves of a complex number, or two words of a pointer to a
	// function that is a member, count as one; both builds agree in that.
	if (type->size && type->size <= NATURAL_MAX &&
	    (type->size & (type->size - 1)) == 0)
		*ret = type->size;
	return NULL;
}

static struct graft_error *
align_of(struct graft_dwarf *dwarf, uint32_t number, int depth, uint64_t *ret)
{
	const struct graft_type *type;
	struct graft_error *err = graft_dwarf_type(dwarf, number, &type);

	*ret = 0;
	if (err || depth > DEPTH_MAX || number == GRAFT_TYPE_VOID)
		return err;
	struct graft_type_entry *entry = dwarf->types[number];
	if (!entry->has_align) {
		// A type that holds itself has none.
		entry->has_align = true;
		err = natural_align_of(dwarf, type, depth, &entry->align);
		if (!err && type->align)
			entry->align = type->align;
	}
	*ret = entry->align;
	return err;
}

struct graft_error *
graft_dwarf_type_align(struct graft_dwarf *dwarf, uint32_t type, uint64_t *ret)
{
	return align_of(dwarf, type, 0, ret);
}

struct graft_error *
graft_dwarf_subject_align(struct graft_dwarf *dwarf, uint32_t subject,
			  uint64_t *ret)
{
	Dwarf_Die die = dwarf->subjects[subject].die;
	Dwarf_Attribute attr;
	Dwarf_Word word;
	uint32_t type;

	if (dwarf_formudata(dwarf_attr_integrate(&die, DW_AT_alignment, &attr),
			    &word) == 0) {
		*ret = word;
		return NULL;
	}
	struct graft_error *err = graft_dwarf_subject_type(dwarf, subject,
							   &type);
	return err ? err : graft_dwarf_type_align(dwarf, type, ret);
}
