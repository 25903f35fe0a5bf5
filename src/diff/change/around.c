// SPDX-License-Identifier: Apache-2.0

#include "diff/change/around.h"

#include "diff/code/area.h"
#include "diff/constant/constant.h"

#include <string.h>

/** Farthest that an index leads from the start of an object that the operand names. */
static const uint64_t around_max = 64 << 10;

/** Whose object a folded address is. */
struct whose {
	/** The object, or NULL: one of @ref section that no other file names. */
	const struct graft_symbol *symbol;
	const struct graft_section *section;
};

static struct whose
whose_is(const struct graft_image *image, const struct graft_ref *ref)
{
	const struct graft_reloc *reloc =
		graft_image_static_reloc_from(image, ref->at, ref->at + 1);
	struct whose whose = { 0 };

	if (!reloc || !reloc->symbol)
		return whose;
	whose.section = graft_image_section_at(image, reloc->symbol->addr);
	if (reloc->symbol->type != STT_SECTION)
		whose.symbol = reloc->symbol;
	return whose;
}

/** Find an object by its place, and by what else is known of it, or NULL. */
static const struct graft_symbol *
find_there(const struct graft_image *image, uint64_t addr,
	   const struct graft_symbol *like)
{
	size_t count;
	const struct graft_symbol *all = graft_image_symbols(image, &count);
	size_t low = 0;
	size_t high = count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (all[mid].defined && all[mid].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < count && all[low].defined && all[low].addr == addr;
	     low++) {
		if (all[low].type == like->type &&
		    all[low].size == like->size &&
		    strcmp(all[low].name, like->name) == 0)
			return &all[low];
	}
	return NULL;
}

/** Did an object keep its distance, its size and, if it is constant, its contents? */
static struct graft_error *
same_object(struct graft_diff *diff, const struct graft_symbol *n,
	    uint64_t moved, bool *ret)
{
	uint64_t old_addr = n->addr + moved;

	*ret = find_there(diff->old_image, old_addr, n) != NULL;
	if (!*ret ||
	    graft_area_of(diff->new_image, n->addr) != GRAFT_AREA_CONSTANT)
		return NULL;
	if (n->size == 0) {
		// How much of what follows is meant, nobody says.
		*ret = false;
		return NULL;
	}
	return graft_constant_equal(diff, old_addr, n->addr, n->size, ret);
}

/** May a local name be the object of a section that an address is near to? */
static bool
may_be_meant(const struct graft_image *image, const struct graft_symbol *symbol,
	     const struct graft_section *section)
{
	return symbol->defined && symbol->type == STT_OBJECT &&
	       symbol->bind == STB_LOCAL && symbol->size > 0 &&
	       graft_image_section_at(image, symbol->addr) == section;
}

/**
 * How far to look around an address: from what is no start of an object, nor of a table
 * of jumps, an index may lead anywhere.
 */
static uint64_t
reach_of(const struct graft_diff *diff, const struct graft_ref *ref,
	 const struct graft_section *section)
{
	const struct graft_symbol *object =
		graft_image_object_at(diff->new_image, ref->target);
	bool starts = object && object->addr == ref->target &&
		      may_be_meant(diff->new_image, object, section);
	bool jumps = diff->new_code->insns[ref->insn].flags &
		     GRAFT_INSN_INDIRECT;

	return starts || jumps ? around_max : UINT64_MAX / 2;
}

/** Does an object lie near an address? */
static bool
is_near(const struct graft_symbol *symbol, uint64_t addr, uint64_t reach)
{
	return symbol->addr <= addr + reach &&
	       symbol->addr + symbol->size + reach >= addr;
}

/** Is each local object of OLD near an address still as far from it in NEW? */
static bool
none_is_gone(const struct graft_diff *diff, const struct graft_section *section,
	     uint64_t target, uint64_t moved, uint64_t reach)
{
	size_t count;
	const struct graft_symbol *all = graft_image_symbols(diff->old_image,
							     &count);

	for (size_t i = 0; i < count && all[i].defined; i++) {
		if (!is_near(&all[i], target, reach) ||
		    !may_be_meant(diff->old_image, &all[i], section))
			continue;
		if (!find_there(diff->new_image, all[i].addr - moved, &all[i]))
			return false;
	}
	return true;
}

/** Compare constants that no symbol names, up to @p end. */
static struct graft_error *
same_gap(struct graft_diff *diff, uint64_t addr, uint64_t end, uint64_t moved,
	 bool *ret)
{
	if (addr >= end)
		return NULL;
	*ret = graft_image_bytes(diff->old_image, addr + moved, end - addr) !=
	       NULL;
	return *ret ? graft_constant_equal(diff, addr + moved, addr, end - addr,
					   ret)
		    : NULL;
}

/**
 * Are constants without a symbol near an address the same? Text and tables of the
 * compiler are: any may be what is meant.
 */
static struct graft_error *
same_nameless(struct graft_diff *diff, const struct graft_section *section,
	      uint64_t target, uint64_t moved, uint64_t reach, bool *ret)
{
	uint64_t at = target > section->addr + reach ? target - reach
						     : section->addr;
	uint64_t end = section->addr + section->size;
	struct graft_error *err = NULL;
	size_t count;
	const struct graft_symbol *all = graft_image_symbols(diff->new_image,
							     &count);

	if (graft_area_of(diff->new_image, section->addr) !=
	    GRAFT_AREA_CONSTANT)
		return NULL;
	if (end > target + reach)
		end = target + reach;
	for (size_t i = 0; !err && *ret && i < count && all[i].defined; i++) {
		if (all[i].addr + all[i].size <= at || all[i].addr >= end ||
		    all[i].type != STT_OBJECT)
			continue;
		err = same_gap(diff, at, all[i].addr, moved, ret);
		at = all[i].addr + all[i].size;
	}
	return err || !*ret ? err : same_gap(diff, at, end, moved, ret);
}

struct graft_error *
graft_around_same(struct graft_diff *diff, const struct graft_ref *o,
		  const struct graft_ref *n, bool *ret)
{
	struct whose is = whose_is(diff->new_image, n);
	struct whose was = whose_is(diff->old_image, o);
	uint64_t moved = o->target - n->target;
	struct graft_error *err = NULL;
	bool any = false;
	size_t count;

	*ret = false;
	if (!is.section || !was.section || !is.symbol != !was.symbol)
		return NULL;
	if (is.symbol) {
		if (strcmp(is.symbol->name, was.symbol->name) != 0)
			return NULL;
		return same_object(diff, is.symbol, moved, ret);
	}
	uint64_t reach = reach_of(diff, n, is.section);
	const struct graft_symbol *all = graft_image_symbols(diff->new_image,
							     &count);
	for (size_t i = 0; i < count && all[i].defined; i++) {
		if (!is_near(&all[i], n->target, reach) ||
		    !may_be_meant(diff->new_image, &all[i], is.section))
			continue;
		any = true;
		err = same_object(diff, &all[i], moved, ret);
		if (err || !*ret)
			return err;
	}
	*ret = any && none_is_gone(diff, was.section, o->target, moved, reach);
	return *ret ? same_nameless(diff, is.section, n->target, moved, reach,
				    ret)
		    : NULL;
}
