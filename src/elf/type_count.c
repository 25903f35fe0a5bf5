// SPDX-License-Identifier: Apache-2.0

// Whether `new[]` of a type writes a count in front of the array: the C++ ABI does
// so where `delete[]` has to run destructors (Itanium C++ ABI 2.7).

#include "elf/debug_model.h"

enum {
	/** Types inside of each other. */
	DEPTH_MAX = 64,
};

static struct graft_error *
is_counted(struct graft_dwarf *dwarf, uint32_t number, int depth, bool *ret)
{
	const struct graft_type *type;
	struct graft_error *err = graft_dwarf_type_peel(dwarf, number, &number,
							&type);

	*ret = false;
	if (err || depth > DEPTH_MAX)
		return err;
	if (type->kind == GRAFT_TYPE_IS_ARRAY)
		return is_counted(dwarf, type->target, depth + 1, ret);
	if (type->kind != GRAFT_TYPE_IS_STRUCT &&
	    type->kind != GRAFT_TYPE_IS_UNION)
		return NULL;
	*ret = type->has_destructor || type->has_delete;
	for (size_t i = 0; !err && !*ret && i < type->member_count; i++)
		err = is_counted(dwarf, type->members[i].type, depth + 1, ret);
	return err;
}

struct graft_error *
graft_dwarf_type_is_counted(struct graft_dwarf *dwarf, uint32_t type, bool *ret)
{
	return is_counted(dwarf, type, 0, ret);
}
