// SPDX-License-Identifier: Apache-2.0

#include "judge/types/place.h"

#include "judge/types/members_at.h"
#include "judge/types/names.h"

#include <elf.h>

static const struct graft_type_place nothing = { GRAFT_TYPE_PLACE_OF_NOTHING, 0,
						 0 };

/** Remember what failed, if anything did. */
static bool
failed(struct graft_type_source *source, struct graft_error *err)
{
	if (err && source->err)
		graft_error_free(err);
	else if (err)
		source->err = err;
	return err != NULL;
}

struct graft_type_place
graft_type_place_moved(struct graft_type_place place, int64_t by)
{
	// Distances of hostile code may be anything.
	place.off = (int64_t)((uint64_t)place.off + (uint64_t)by);
	return place;
}

bool
graft_type_place_is_same(struct graft_type_place a, struct graft_type_place b)
{
	return a.of == b.of && a.type == b.type && a.off == b.off;
}

struct graft_type_place
graft_type_place_stepped(struct graft_type_source *source,
			 struct graft_type_place place, int64_t by)
{
	const struct graft_type *type;
	uint32_t number;

	if (place.of != GRAFT_TYPE_PLACE_OF_OBJECT)
		return graft_type_place_moved(place, by);
	if (failed(source, graft_dwarf_type_peel(source->dwarf, place.type,
						 &number, &type)) ||
	    (type->kind == GRAFT_TYPE_IS_ARRAY &&
	     failed(source, graft_dwarf_type_peel(source->dwarf, type->target,
						  &number, &type))))
		return nothing;
	bool whole = type->size > 1 && type->size <= INT64_MAX &&
		     by % (int64_t)type->size == 0;
	return whole ? place : graft_type_place_moved(place, by);
}

struct graft_type_place
graft_type_place_of_value(struct graft_type_source *source, uint32_t type)
{
	const struct graft_type *peeled;

	if (failed(source, graft_dwarf_type_peel(source->dwarf, type, &type,
						 &peeled)) ||
	    peeled->kind != GRAFT_TYPE_IS_POINTER)
		return nothing;
	return (struct graft_type_place){ GRAFT_TYPE_PLACE_OF_OBJECT,
					  peeled->target, 0 };
}

struct graft_type_place
graft_type_place_loaded(struct graft_type_source *source,
			struct graft_type_place from)
{
	struct graft_member_at at;

	if (from.of != GRAFT_TYPE_PLACE_OF_OBJECT ||
	    failed(source, graft_type_member_at(source->dwarf, from.type,
						from.off, &at)) ||
	    !at.leaf || at.several || at.off != 0)
		return nothing;
	return graft_type_place_of_value(source, at.type);
}

struct graft_type_place
graft_type_place_at(struct graft_type_source *source, uint64_t addr)
{
	uint32_t subject;
	uint32_t type;

	if (failed(source,
		   graft_subject_at(source->dwarf, addr, false, &subject)) ||
	    subject == GRAFT_DWARF_NONE ||
	    failed(source,
		   graft_dwarf_subject_type(source->dwarf, subject, &type)))
		return nothing;
	uint64_t start = graft_dwarf_subject(source->dwarf, subject)->addr;
	return (struct graft_type_place){ GRAFT_TYPE_PLACE_OF_OBJECT, type,
					  (int64_t)(addr - start) };
}

struct graft_type_place
graft_type_place_linked(struct graft_type_source *source, uint64_t word)
{
	const struct graft_reloc *reloc = graft_image_reloc_at(source->image,
							       word);

	if (!reloc)
		return nothing;
	if (!reloc->symbol)
		return graft_type_place_at(source, (uint64_t)reloc->addend);
	if (!reloc->symbol->defined || reloc->symbol->type != STT_OBJECT)
		return nothing;
	return graft_type_place_at(source, reloc->symbol->addr +
						   (uint64_t)reloc->addend);
}

struct graft_type_place
graft_type_place_returned(struct graft_type_source *source, uint64_t addr)
{
	uint32_t subject = graft_dwarf_function_at(source->dwarf, addr);
	uint32_t type;

	if (subject == GRAFT_DWARF_NONE ||
	    failed(source,
		   graft_dwarf_subject_type(source->dwarf, subject, &type)))
		return nothing;
	return graft_type_place_of_value(source, type);
}

bool
graft_type_place_is_struct(struct graft_type_source *source, uint32_t type)
{
	const struct graft_type *peeled;

	return !failed(source, graft_dwarf_type_peel(source->dwarf, type, &type,
						     &peeled)) &&
	       graft_type_has_members(peeled);
}

bool
graft_type_place_is_bytes(struct graft_type_source *source, uint32_t type)
{
	const struct graft_type *peeled;

	return !failed(source, graft_dwarf_type_peel(source->dwarf, type, &type,
						     &peeled)) &&
	       peeled->kind == GRAFT_TYPE_IS_BASE && peeled->size == 1;
}

bool
graft_type_place_is_described(struct graft_type_source *source,
			      struct graft_type_place place, uint16_t size)
{
	struct graft_member_at at;

	if (place.of != GRAFT_TYPE_PLACE_OF_OBJECT ||
	    failed(source, graft_type_member_at(source->dwarf, place.type,
						place.off, &at)) ||
	    !at.in_aggregate || !at.leaf)
		return false;
	return at.off == 0 || (size && at.off + size <= at.size);
}
