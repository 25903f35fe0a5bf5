// SPDX-License-Identifier: Apache-2.0

// Addresses at a fixed address that an index is added to: `table-40(,%rdi,8)`. They
// name what stands in front of the table, so what is meant is not what is there. Of a
// global object its relocation says which it is. Of any other it names the section:
// all that is near must then be in correspondence.

#include "check/walk.h"

#include <string.h>

/** Farthest that an index leads from the start of what the operand names. */
static const uint64_t near_max = 64 << 10;

/** The relocation of an operand, in the build that holds it. */
static const struct graft_reloc *
reloc_of(const struct graft_world *world, const struct graft_insn_view *insn,
	 const struct graft_insn_absolute *absolute)
{
	uint64_t own;
	const struct graft_image *image =
		graft_world_image_of(world, insn->addr + absolute->off, &own);

	return graft_image_static_reloc_from(image, own, own + 1);
}

static bool
is_section(const struct graft_reloc *reloc)
{
	return !reloc->symbol || reloc->symbol->type == STT_SECTION;
}

/** Compare addresses that a name was given with. */
static struct graft_error *
compare_named(struct graft_walk *walk, const struct graft_walk_site *site,
	      const struct graft_symbol *o, const struct graft_symbol *n,
	      uint64_t old_addr, uint64_t new_addr)
{
	if (strcmp(o->name, n->name) != 0)
		return graft_walk_differ(walk, site, old_addr, new_addr,
					 "an index is added to %s instead of "
					 "%s",
					 o->name, n->name);
	uint64_t at = old_addr + (n->addr - new_addr);
	return graft_address_compare(walk, site, at, n->addr);
}

/** The part of a range that is near an address. */
static void
cut(const struct graft_world_range *range, uint64_t addr, uint64_t *from_ret,
    uint64_t *to_ret)
{
	uint64_t from = addr > near_max ? addr - near_max : 0;

	*from_ret = from > range->addr ? from : range->addr;
	*to_ret = range->addr + range->size;
	if (*to_ret > addr + near_max)
		*to_ret = addr + near_max;
}

/** Is it the start of what is meant, or else a place that an index leads away from,
 * however far? */
static bool
is_start(const struct graft_walk *walk, const struct graft_insn_view *insn,
	 uint64_t addr)
{
	const struct graft_symbol *object =
		graft_image_object_at(walk->new_world.image, addr);

	return (object && object->addr == addr) || insn->flow == GRAFT_INSN_END;
}

/** Compare constants that no symbol names. */
static struct graft_error *
compare_gap(struct graft_walk *walk, const struct graft_walk_site *site,
	    const struct graft_world_range *range, uint64_t from, uint64_t to,
	    uint64_t moved)
{
	return from >= to || range->area != GRAFT_WORLD_CONSTANT
		       ? NULL
		       : graft_constant_compare(walk, site, from + moved, from,
						to - from);
}

/** Compare a local object, which may be what is meant. */
static struct graft_error *
compare_object(struct graft_walk *walk, const struct graft_walk_site *site,
	       const struct graft_world_range *range,
	       const struct graft_symbol *symbol, uint64_t moved)
{
	if (symbol->bind != STB_LOCAL)
		return NULL;
	// A part of it may be known already, as what starts there.
	if (range->area == GRAFT_WORLD_CONSTANT)
		return graft_constant_compare(walk, site, symbol->addr + moved,
					      symbol->addr, symbol->size);
	return graft_address_compare(walk, site, symbol->addr + moved,
				     symbol->addr);
}

static bool
is_object(const struct graft_symbol *symbol)
{
	return symbol->type == STT_OBJECT && symbol->size;
}

/** Compare all that is near in the section of what is meant, object by object. */
static struct graft_error *
compare_near(struct graft_walk *walk, const struct graft_walk_site *site,
	     const struct graft_world_range *range, bool far, uint64_t new_addr,
	     uint64_t moved)
{
	struct graft_error *err = NULL;
	uint64_t from = range->addr;
	uint64_t to = range->addr + range->size;
	size_t count;
	const struct graft_symbol *all =
		graft_image_symbols(walk->new_world.image, &count);

	if (!far)
		cut(range, new_addr, &from, &to);
	for (size_t i = 0; !err && i < count && all[i].defined; i++) {
		uint64_t end = all[i].addr + all[i].size;
		if (!is_object(&all[i]) || end <= from || all[i].addr >= to)
			continue;
		err = compare_gap(walk, site, range, from, all[i].addr, moved);
		from = end > from ? end : from;
		if (!err)
			err = compare_object(walk, site, range, &all[i], moved);
	}
	return err ? err : compare_gap(walk, site, range, from, to, moved);
}

struct graft_error *
graft_index_compare(struct graft_walk *walk, const struct graft_walk_site *site,
		    const struct graft_insn_view *old_insn,
		    const struct graft_insn_view *new_insn, uint8_t i)
{
	uint64_t o = old_insn->absolutes[i].addr;
	uint64_t n = new_insn->absolutes[i].addr;
	const struct graft_reloc *was = reloc_of(&walk->old_world, old_insn,
						 &old_insn->absolutes[i]);
	const struct graft_reloc *is = reloc_of(&walk->new_world, new_insn,
						&new_insn->absolutes[i]);
	// What is near is not named by the instruction: no end, no label.
	struct graft_walk_site near = *site;
	struct graft_joint *entry;
	bool fresh;

	near.new_insn = 0;
	if (!was || !is || is_section(was) != is_section(is))
		return graft_walk_differ(walk, site, o, n,
					 "an index is added to what only one "
					 "relocation names");
	if (!is_section(is))
		return compare_named(walk, site, was->symbol, is->symbol, o, n);
	const struct graft_world_range *range =
		is->symbol ? graft_world_range_at(&walk->new_world,
						  is->symbol->addr)
			   : NULL;
	if (!range)
		return graft_walk_differ(walk, site, o, n,
					 "an index is added to what is in no "
					 "section");
	// A section is compared as a whole once for each distance.
	bool far = !is_start(walk, new_insn, n);
	struct graft_error *err = graft_joint_put(
		&walk->near_index, far ? range->addr + (o - n) : o,
		far ? range->addr : n, far, &entry, &fresh);
	if (err || (!fresh && entry->value >= far))
		return err;
	entry->value = far;
	return compare_near(walk, &near, range, far, n, o - n);
}
