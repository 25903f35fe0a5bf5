// SPDX-License-Identifier: Apache-2.0

// Who names a type: itself, or what leads to it.

#include "judge/types/frames.h"

#include <string.h>

enum {
	/** Pointers, arrays and members that are followed to a name. */
	DEPTH_MAX = 12,
};

static bool
is_aggregate(const struct graft_type *type)
{
	return type->kind == GRAFT_TYPE_IS_STRUCT ||
	       type->kind == GRAFT_TYPE_IS_UNION;
}

struct graft_error *
graft_frames_names(const struct graft_frames_side *side, uint32_t number,
		   int depth, bool *ret)
{
	const struct graft_type *type;
	struct graft_error *err = graft_dwarf_type_peel(side->dwarf, number,
							&number, &type);

	if (err || *ret)
		return err;
	if (depth > DEPTH_MAX || number == side->number) {
		*ret = true;
		return NULL;
	}
	if (is_aggregate(type) && type->name[0]) {
		*ret = strcmp(type->name, side->type->name) == 0;
		return NULL;
	}
	switch (type->kind) {
	case GRAFT_TYPE_IS_POINTER:
	case GRAFT_TYPE_IS_MEMBER_POINTER:
	case GRAFT_TYPE_IS_ARRAY:
	case GRAFT_TYPE_IS_FUNCTION:
		err = graft_frames_names(side, type->target, depth + 1, ret);
		break;
	case GRAFT_TYPE_IS_ODD:
		*ret = true;
		break;
	default:
		break;
	}
	for (size_t i = 0; !err && !*ret && i < type->member_count; i++)
		err = graft_frames_names(side, type->members[i].type, depth + 1,
					 ret);
	return err;
}

/** Say whether a variable names the type. */
static struct graft_error *
any_variable_names(const struct graft_frames_side *side, bool *ret)
{
	uint32_t count = graft_dwarf_subject_count(side->dwarf);
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && !*ret && i < count; i++) {
		uint32_t type;
		if (graft_dwarf_subject(side->dwarf, i)->is_function)
			continue;
		err = graft_dwarf_subject_type(side->dwarf, i, &type);
		if (!err)
			err = graft_frames_names(side, type, 0, ret);
	}
	return err;
}

/** Say whether a type that has a name names the type, or another one has the same
 * name and looks different. */
static struct graft_error *
does_type_name(const struct graft_frames_side *side,
	       const struct graft_named_type *named, bool *ret)
{
	const struct graft_type *type;
	uint32_t number;
	struct graft_error *err = graft_dwarf_type_of(side->dwarf, named,
						      &number);
	bool alias = named->kind == GRAFT_TYPE_IS_TYPEDEF;

	if (!err)
		err = graft_dwarf_type_peel(side->dwarf, number, &number,
					    &type);
	if (err || named->declaration || type->kind == GRAFT_TYPE_IS_ENUM ||
	    number == side->number)
		return err;
	if (!alias && strcmp(type->name, side->type->name) == 0) {
		// The same, as another unit defines it.
		bool same = type->kind == side->type->kind &&
			    type->size == side->type->size &&
			    type->member_count == side->type->member_count;
		*ret = !same;
		for (size_t i = 0; same && i < type->member_count; i++)
			*ret |= type->members[i].bit_off !=
				side->type->members[i].bit_off;
		return NULL;
	}
	if (alias && is_aggregate(type) && type->name[0])
		return NULL;
	if (alias && !is_aggregate(type))
		return graft_frames_names(side, number, 1, ret);
	for (size_t i = 0; !err && !*ret && i < type->member_count; i++)
		err = graft_frames_names(side, type->members[i].type, 1, ret);
	return err;
}

static struct graft_error *
any_type_names(const struct graft_frames_side *side, bool *ret)
{
	size_t unit_count;
	struct graft_error *err = NULL;

	(void)graft_dwarf_units(side->dwarf, &unit_count);
	for (uint32_t u = 0; !err && !*ret && u < unit_count; u++) {
		size_t count;
		const struct graft_named_type *list =
			graft_dwarf_types_in(side->dwarf, u, &count);
		for (size_t i = 0; !err && !*ret && i < count; i++)
			err = does_type_name(side, &list[i], ret);
	}
	// No type may name itself either: a list is no local variable.
	for (size_t i = 0; !err && !*ret && i < side->type->member_count; i++)
		err = graft_frames_names(side, side->type->members[i].type, 0,
					 ret);
	return err;
}

struct graft_error *
graft_frames_are_named_by_functions(const struct graft_frames_side *side,
				    bool *ret)
{
	bool named = !is_aggregate(side->type) || !side->type->name[0] ||
		     side->type->declaration || side->type->virtual_count;
	struct graft_error *err = NULL;

	for (size_t i = 0; i < side->type->member_count; i++)
		named |= side->type->members[i].base;
	if (!named)
		err = any_variable_names(side, &named);
	if (!err && !named)
		err = any_type_names(side, &named);
	*ret = !named;
	return err;
}
