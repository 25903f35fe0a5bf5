// SPDX-License-Identifier: Apache-2.0

#include "judge/types/bits.h"

#include "elf/held.h"
#include "judge/flow/op.h"
#include "judge/types/types.h"

enum {
	/** Structs in each other. */
	DEPTH_MAX = 16,
};

/** What stands in a range of bits. */
struct range {
	struct graft_dwarf *dwarf;
	uint64_t from;
	uint64_t end;
	/** Nothing says where its last field ends, nor that any begins: it may
	 * be all that is above others. */
	bool open;
	/** It was cut off, since the instruction takes no more. */
	bool cut;
	/** A bit-field begins where it begins, one ends where it ends. */
	bool begins;
	bool ends;
	/** A part of a bit-field, or anything else. */
	bool other;
};

static void
look_at_bits(struct range *range, uint64_t from, uint64_t end)
{
	range->begins |= from == range->from ||
			 (range->open && end == range->from);
	range->ends |= end == range->end;
	if (from < range->end && end > range->from)
		range->other |= from < range->from ||
				(end > range->end && !range->cut);
}

/** Look at the members of a struct or union that begins at @p at. */
static struct graft_error *
look_at_members(struct range *range, const struct graft_type *type, uint64_t at,
		int depth)
{
	if (depth >= DEPTH_MAX)
		range->other = true;
	for (size_t i = 0; i < type->member_count && !range->other; i++) {
		const struct graft_member *member = &type->members[i];
		const struct graft_type *inner;
		uint32_t number;
		struct graft_error *err = graft_dwarf_type_peel(
			range->dwarf, member->type, &number, &inner);
		if (err)
			return err;
		uint64_t from = at + member->bit_off;
		uint64_t end = from + (member->bit_size ? member->bit_size
							: inner->size * 8);
		if (member->dynamic || end < from)
			range->other = true;
		if (range->other || from >= range->end || end < range->from ||
		    (end == range->from && !member->bit_size))
			continue;
		if (member->bit_size)
			look_at_bits(range, from, end);
		else if (inner->kind != GRAFT_TYPE_IS_STRUCT &&
			 inner->kind != GRAFT_TYPE_IS_UNION)
			range->other = true;
		else
			err = look_at_members(range, inner, from, depth + 1);
		if (err)
			return err;
	}
	return NULL;
}

/**
 * Look at bits by the type of one variable.
 *
 * @param[out] ret They are declared; @p other_ret something else is meant.
 */
static struct graft_error *
look_at_variable(struct graft_dwarf *dwarf, uint32_t variable,
		 const struct graft_type_bits *bits, bool *ret, bool *other_ret)
{
	const struct graft_type *type;
	uint32_t number;
	struct graft_error *err = graft_dwarf_type_peel(dwarf, variable,
							&number, &type);

	if (!err && type->kind == GRAFT_TYPE_IS_POINTER)
		err = graft_dwarf_type_peel(dwarf, type->target, &number,
					    &type);
	else if (!err)
		*other_ret = true;
	// Nothing is read through a pointer to void.
	if (err || *other_ret || type->kind == GRAFT_TYPE_IS_VOID)
		return err;
	int64_t end = bits->bit + bits->width;
	bool cut = bits->open && end > bits->access_end;
	struct range range = {
		.dwarf = dwarf,
		.from = (uint64_t)bits->bit,
		.end = (uint64_t)(cut ? bits->access_end : end),
		.open = bits->open,
		.cut = cut,
		.ends = bits->open,
		.other = type->kind != GRAFT_TYPE_IS_STRUCT &&
			 type->kind != GRAFT_TYPE_IS_UNION,
	};
	// What is shifted away altogether is no field.
	range.other |= range.end <= range.from;
	err = look_at_members(&range, type, 0, 0);
	*ret |= range.begins && range.ends;
	*other_ret |= range.other;
	return err;
}

struct graft_error *
graft_types_declare_bits(const struct graft_case *c, bool is_new,
			 const struct graft_type_bits *bits, bool *ret)
{
	struct graft_held held;
	bool declared = false;

	*ret = false;
	if (!c->types || bits->base >= GRAFT_REG_XMM0 || bits->bit < 0 ||
	    bits->width == 0)
		return NULL;
	struct graft_dwarf *dwarf = is_new ? c->types->new_dwarf
					   : c->types->old_dwarf;
	struct graft_error *err = graft_dwarf_held(dwarf, bits->addr,
						   bits->base, &held);
	if (err)
		return err;
	bool other = held.more;
	for (uint32_t i = 0; !err && !other && i < held.count; i++)
		err = look_at_variable(dwarf, held.types[i], bits, &declared,
				       &other);
	*ret = !err && declared && !other;
	return err;
}
