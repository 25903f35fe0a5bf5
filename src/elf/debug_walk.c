// SPDX-License-Identifier: Apache-2.0

// What is inside of a function: parameters and variables, those of its blocks and
// of what was inlined into it.

#include "elf/debug_model.h"

#include <dwarf.h>

enum {
	/** Blocks and inlined functions inside of each other. */
	DEPTH_MAX = 200,
};

/** A walk. */
struct walk {
	graft_dwarf_walk_fn *see;
	void *context;
	/** The entry that came last: none may lead backwards. */
	const void *last;
};

static struct graft_error *
walk_children(struct walk *walk, Dwarf_Die *die,
	      const struct graft_dwarf_at *around);

static bool
has_addresses(Dwarf_Die *die)
{
	return dwarf_hasattr(die, DW_AT_low_pc) ||
	       dwarf_hasattr(die, DW_AT_ranges);
}

static struct graft_error *
walk_one(struct walk *walk, Dwarf_Die *die, const struct graft_dwarf_at *at)
{
	struct graft_dwarf_at inside = *at;

	if (has_addresses(die))
		inside.block = die;
	switch (dwarf_tag(die)) {
	case DW_TAG_formal_parameter:
	case DW_TAG_variable:
	case DW_TAG_unspecified_parameters:
		return walk->see(walk->context, die, at);
	case DW_TAG_inlined_subroutine:
		inside.scope = graft_dwarf_text_of(die, DW_AT_linkage_name);
		if (!inside.scope[0])
			inside.scope = graft_dwarf_text_of(die, DW_AT_name);
		return walk_children(walk, die, &inside);
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
		return walk_children(walk, die, &inside);
	default:
		return NULL;
	}
}

static struct graft_error *
walk_children(struct walk *walk, Dwarf_Die *die,
	      const struct graft_dwarf_at *around)
{
	struct graft_dwarf_at at = *around;
	struct graft_error *err = NULL;
	Dwarf_Die child;
	int more = dwarf_child(die, &child);

	if (++at.depth > DEPTH_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %d blocks in each other",
				       DEPTH_MAX);
	while (!err && more == 0) {
		if ((uintptr_t)child.addr <= (uintptr_t)walk->last)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "an entry leads backwards");
		walk->last = child.addr;
		err = walk_one(walk, &child, &at);
		if (!err)
			more = dwarf_siblingof(&child, &child);
	}
	return err;
}

struct graft_error *
graft_dwarf_walk(Dwarf_Die *function, graft_dwarf_walk_fn *see, void *context)
{
	struct walk walk = { see, context, function->addr };
	const struct graft_dwarf_at at = { "", function, 0 };

	return walk_children(&walk, function, &at);
}
