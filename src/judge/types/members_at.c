// SPDX-License-Identifier: Apache-2.0

#include "judge/types/members_at.h"

enum {
	/** Structs and arrays inside of each other. */
	DEPTH_MAX = 32,
};

bool
graft_type_has_members(const struct graft_type *type)
{
	return (type->kind == GRAFT_TYPE_IS_STRUCT ||
		type->kind == GRAFT_TYPE_IS_UNION) &&
	       !type->declaration && type->size;
}

/** Find the size of a value of a type; 0 if unknown. */
static struct graft_error *
size_of(struct graft_dwarf *dwarf, uint32_t type, uint64_t *ret)
{
	const struct graft_type *peeled;
	struct graft_error *err = graft_dwarf_type_peel(dwarf, type, &type,
							&peeled);

	if (!err)
		*ret = peeled->size;
	return err;
}

/** Find the member that is at a distance. The first of a union, and of bit-fields
 * that share their bytes. @param[out] ret NULL if it is padding. */
static struct graft_error *
find_member(struct graft_dwarf *dwarf, const struct graft_type *type,
	    uint64_t off, const struct graft_member **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < type->member_count; i++) {
		const struct graft_member *member = &type->members[i];
		uint64_t at = member->bit_off / 8;
		uint64_t size;
		struct graft_error *err = size_of(dwarf, member->type, &size);
		if (err)
			return err;
		// An open array at the end has no size.
		bool open = size == 0 && i + 1 == type->member_count;
		if (member->dynamic || off < at || (!open && off - at >= size))
			continue;
		*ret = member;
		return NULL;
	}
	return NULL;
}

struct graft_error *
graft_type_member_at(struct graft_dwarf *dwarf, uint32_t type, int64_t off,
		     struct graft_member_at *ret)
{
	uint64_t left = (uint64_t)off;

	*ret = (struct graft_member_at){ 0 };
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		const struct graft_type *peeled;
		const struct graft_member *member = NULL;
		uint64_t size = 0;
		struct graft_error *err = graft_dwarf_type_peel(dwarf, type,
								&type, &peeled);
		if (err)
			return err;
		if (graft_type_has_members(peeled)) {
			if (off < 0)
				return NULL;
			ret->several |= peeled->kind == GRAFT_TYPE_IS_UNION &&
					peeled->member_count > 1;
			err = find_member(dwarf, peeled, left, &member);
			ret->in_aggregate |= left < peeled->size || member;
			if (err || !member)
				return err;
			left -= member->bit_off / 8;
			type = member->type;
		} else if (peeled->kind == GRAFT_TYPE_IS_ARRAY) {
			err = size_of(dwarf, peeled->target, &size);
			if (err || !size)
				return err;
			// Of bytes nobody knows what they are used for, nor what
			// stands in front of an array. Only a loop over a variable
			// that goes down may count from as far in front of it.
			bool front = depth == 0 && off < 0 &&
				     0 - left <= peeled->size;
			bool known = size > 1 && (off >= 0 || front);
			ret->in_aggregate = known &&
					    (ret->in_aggregate || front ||
					     left <= peeled->size);
			if (!known)
				return NULL;
			left = front ? (size - (0 - left) % size) % size
				     : left % size;
			type = peeled->target;
		} else {
			ret->leaf = true;
			ret->type = type;
			ret->size = peeled->size;
			ret->off = depth == 0 && peeled->size
					   ? left % peeled->size
					   : left;
			return NULL;
		}
	}
	return NULL;
}
