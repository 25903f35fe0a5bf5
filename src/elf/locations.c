// SPDX-License-Identifier: Apache-2.0

// DWARF 5, 2.6 and 3.9; numbers of registers: System V ABI, AMD64, 3.6.2.

#include "elf/locations.h"

#include "base/vec.h"
#include "elf/debug_model.h"
#include "elf/limits.h"

#include <dwarf.h>

enum {
	/** Bytes from the stack pointer at the entry to the canonical frame
	 * address, and to what %rbp holds in a function that keeps it. */
	FRAME_ADDRESS = 8,
	FRAME_POINTER = -8,
};

/** By number of DWARF. */
static const uint8_t encodings[16] = { 0, 2, 1,  3,  6,  7,  5,  4,
				       8, 9, 10, 11, 12, 13, 14, 15 };

/** Collecting the places of one function's variables. */
struct collector {
	struct graft_dwarf *dwarf;
	struct graft_locations *ret;
	/** What DW_OP_fbreg counts from, and whether that is known. */
	int64_t frame_base;
	bool has_frame;
};

/** Read the place that an expression names; false if it is none of ours. */
static bool
read_place(const struct collector *to, const Dwarf_Op *ops, size_t count,
	   struct graft_location *ret)
{
	if (count != 1)
		return false;
	uint8_t op = ops[0].atom;
	if (op == DW_OP_fbreg) {
		ret->in_frame = true;
		ret->off = (int64_t)(ops[0].number + (uint64_t)to->frame_base);
		return to->has_frame;
	}
	if (op < DW_OP_reg0 || op > DW_OP_reg15)
		return false;
	ret->reg = encodings[op - DW_OP_reg0];
	return true;
}

static struct graft_error *
add(struct graft_locations *locations, const struct graft_location *location)
{
	if (locations->count >= GRAFT_LIMIT_DWARF_LOCALS)
		return graft_error_new(
			GRAFT_ERROR_LIMIT,
			"a function of more than %d places of variables",
			GRAFT_LIMIT_DWARF_LOCALS);
	struct graft_error *err = graft_vec_reserve(
		&locations->list, &locations->cap, locations->count + 1,
		sizeof(*locations->list));
	if (!err)
		locations->list[locations->count++] = *location;
	return err;
}

/** Add a place that holds for a whole block. */
static struct graft_error *
add_in_block(struct graft_locations *locations, Dwarf_Die *block,
	     struct graft_location *location)
{
	struct graft_error *err = NULL;
	Dwarf_Addr base;
	Dwarf_Addr start;
	Dwarf_Addr end;
	ptrdiff_t at = 0;

	while (!err &&
	       (at = dwarf_ranges(block, at, &base, &start, &end)) > 0) {
		location->addr = start;
		location->end = end;
		if (start < end)
			err = add(locations, location);
	}
	return err;
}

/** Add all places of one variable. */
static struct graft_error *
collect(void *context, Dwarf_Die *die, const struct graft_dwarf_at *where)
{
	struct collector *to = context;
	struct graft_error *err = NULL;
	Dwarf_Attribute attr;
	Dwarf_Addr base;
	Dwarf_Addr start;
	Dwarf_Addr end;
	Dwarf_Op *ops;
	size_t count;
	ptrdiff_t at = 0;
	uint32_t type = 0;

	if (!dwarf_attr(die, DW_AT_location, &attr))
		return NULL;
	while (!err && (at = dwarf_getlocations(&attr, at, &base, &start, &end,
						&ops, &count)) > 0) {
		struct graft_location location = { .addr = start, .end = end };
		if (end <= start || !read_place(to, ops, count, &location))
			continue;
		if (!type)
			err = graft_dwarf_type_from(to->dwarf, die, &type);
		location.type = type;
		// One that is no list says nothing of addresses.
		if (!err && start == 0 && end == (Dwarf_Addr)-1)
			err = add_in_block(to->ret, where->block, &location);
		else if (!err)
			err = add(to->ret, &location);
	}
	return err;
}

/** Read what places in the frame are counted from. */
static void
read_frame_base(struct collector *to, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t count;

	if (!dwarf_attr(die, DW_AT_frame_base, &attr) ||
	    dwarf_getlocation(&attr, &ops, &count) != 0 || count != 1)
		return;
	to->has_frame = ops[0].atom == DW_OP_call_frame_cfa ||
			ops[0].atom == DW_OP_reg6;
	to->frame_base = ops[0].atom == DW_OP_reg6 ? FRAME_POINTER
						   : FRAME_ADDRESS;
}

struct graft_error *
graft_dwarf_locations(struct graft_dwarf *dwarf, uint32_t function,
		      struct graft_locations *ret)
{
	GRAFT_CLEANUP(graft_locations_deinit)
	struct graft_locations locations = { 0 };
	Dwarf_Die die = dwarf->subjects[function].die;
	struct collector to = { .dwarf = dwarf, .ret = &locations };

	read_frame_base(&to, &die);
	struct graft_error *err = graft_dwarf_walk(&die, collect, &to);
	if (err)
		return err;
	*ret = locations;
	locations = (struct graft_locations){ 0 };
	return NULL;
}

void
graft_locations_deinit(struct graft_locations *locations)
{
	free(locations->list);
	*locations = (struct graft_locations){ 0 };
}
