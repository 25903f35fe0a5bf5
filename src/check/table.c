// SPDX-License-Identifier: Apache-2.0

// Jump tables: distances of 4 bytes from the table to code of the function that
// names it. Where code and constants lie apart by another distance, the same
// table has other bytes; and what it leads to must be walked in any case.

#include "check/walk.h"

/** Read the distance at an address of a world; false: there is none. */
static bool
distance_at(const struct graft_world *world, uint64_t addr, int32_t *ret)
{
	const struct graft_world_range *range = graft_world_range_at(world,
								     addr);

	if (!range || !range->bytes || range->size - (addr - range->addr) < 4 ||
	    graft_world_slot_at(world, addr))
		return false;
	const uint8_t *at = range->bytes + (addr - range->addr);
	*ret = (int32_t)((uint32_t)at[0] | (uint32_t)at[1] << 8 |
			 (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
	return true;
}

/** Get where an entry of a table leads, or 0. */
static uint64_t
target_of(const struct graft_world *world, uint64_t table, uint64_t off)
{
	int32_t distance;

	if (!distance_at(world, table + off, &distance))
		return 0;
	uint64_t target = table + (uint64_t)(int64_t)distance;
	return graft_world_area_at(world, target) == GRAFT_WORLD_CODE ? target
								      : 0;
}

struct graft_error *
graft_table_follow(struct graft_walk *walk, const struct graft_walk_site *site,
		   uint64_t old_addr, uint64_t new_addr, bool *ret)
{
	uint64_t end;
	struct graft_error *err = NULL;

	*ret = false;
	if (!site->new_insn || new_addr % 4)
		return NULL;
	uint64_t first = target_of(&walk->new_world, new_addr, 0);
	if (!first)
		return NULL;
	// The first entry may lead to the cold part: then the second one tells.
	const struct graft_extent *own =
		graft_world_extent_at(&walk->new_world, site->new_insn, &end);
	uint64_t second = target_of(&walk->new_world, new_addr, 4);
	if (!own ||
	    (graft_world_extent_at(&walk->new_world, first, &end) != own &&
	     (!second ||
	      graft_world_extent_at(&walk->new_world, second, &end) != own)))
		return NULL;
	uint64_t limit = graft_world_next_start(&walk->new_world, new_addr);
	for (uint64_t off = 0; !err && new_addr + off + 4 <= limit; off += 4) {
		uint64_t n = target_of(&walk->new_world, new_addr, off);
		if (!n)
			break;
		uint64_t o = target_of(&walk->old_world, old_addr, off);
		if (!o)
			return graft_walk_differ(
				walk, site, old_addr, new_addr,
				"entry %llu of the jump table leads nowhere",
				(unsigned long long)off / 4);
		walk->result->constant_bytes += 4;
		err = graft_walk_go_on(walk, o, n, site->func);
	}
	walk->result->constants++;
	*ret = true;
	return err;
}
