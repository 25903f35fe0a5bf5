// SPDX-License-Identifier: Apache-2.0

#include "elf/held.h"

#include "elf/debug_model.h"
#include "elf/subjects.h"

#include <dwarf.h>

enum {
	/** Blocks in each other. */
	DEPTH_MAX = 256,
	/** Locations of one variable at one place. */
	LOCATIONS_MAX = 4,
};

/** A walk over the blocks of a function that an instruction is in. */
struct walk {
	struct graft_dwarf *dwarf;
	uint64_t addr;
	/** As an operation of a location. */
	uint8_t op;
	struct graft_held *held;
	const void *last;
	int depth;
};

/** Say whether a variable is in the register, whole and as it is. */
static bool
is_held(const struct walk *walk, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops[LOCATIONS_MAX];
	size_t counts[LOCATIONS_MAX];

	if (!dwarf_attr(die, DW_AT_location, &attr))
		return false;
	int found = dwarf_getlocation_addr(&attr, walk->addr, ops, counts,
					   LOCATIONS_MAX);
	for (int i = 0; i < found; i++) {
		if (counts[i] == 1 && ops[i][0].atom == walk->op)
			return true;
	}
	return false;
}

static struct graft_error *
add_held(const struct walk *walk, Dwarf_Die *die)
{
	struct graft_held *held = walk->held;
	uint32_t type;

	if (!is_held(walk, die))
		return NULL;
	struct graft_error *err = graft_dwarf_type_from(walk->dwarf, die,
							&type);
	if (err)
		return err;
	if (held->count < GRAFT_HELD_MAX)
		held->types[held->count++] = type;
	else
		held->more = true;
	return NULL;
}

static struct graft_error *
walk_children(struct walk *walk, Dwarf_Die *die);

static struct graft_error *
walk_one(struct walk *walk, Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_formal_parameter:
	case DW_TAG_variable:
		return add_held(walk, die);
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
		// A location that is no list holds for the block only.
		return dwarf_haspc(die, walk->addr) > 0
			       ? walk_children(walk, die)
			       : NULL;
	default:
		return NULL;
	}
}

static struct graft_error *
walk_children(struct walk *walk, Dwarf_Die *die)
{
	struct graft_error *err = NULL;
	Dwarf_Die child;
	int more = dwarf_child(die, &child);

	if (walk->depth >= DEPTH_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %d blocks in each other",
				       DEPTH_MAX);
	walk->depth++;
	while (!err && more == 0) {
		if ((uintptr_t)child.addr <= (uintptr_t)walk->last)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "an entry leads backwards");
		walk->last = child.addr;
		err = walk_one(walk, &child);
		if (!err)
			more = dwarf_siblingof(&child, &child);
	}
	walk->depth--;
	return err;
}

struct graft_error *
graft_dwarf_held(struct graft_dwarf *dwarf, uint64_t addr, unsigned reg,
		 struct graft_held *ret)
{
	struct graft_held held = { .count = 0 };
	uint32_t function = graft_dwarf_function_at(dwarf, addr);

	if (function != GRAFT_DWARF_NONE && reg <= DW_OP_reg31 - DW_OP_reg0) {
		Dwarf_Die die = dwarf->subjects[function].die;
		struct walk walk = {
			.dwarf = dwarf,
			.addr = addr,
			.op = (uint8_t)(DW_OP_reg0 + reg),
			.held = &held,
			.last = die.addr,
		};
		struct graft_error *err = walk_children(&walk, &die);
		if (err)
			return err;
	}
	*ret = held;
	return NULL;
}
