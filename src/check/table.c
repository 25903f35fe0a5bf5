// SPDX-License-Identifier: Apache-2.0

// Tables of distances, 4 bytes each, from the table itself: to code of the function
// that names it (a jump table), or to texts. Where what they lead to lies apart by
// another distance, the same table has other bytes; and what it leads to must be
// compared in any case.

#include "check/walk.h"

enum {
	/** So many distances to texts in a row are no accident. */
	TEXTS_MIN = 2,
};

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

uint64_t
graft_distance_target(const struct graft_world *world, uint64_t table,
		      uint64_t off, enum graft_world_area area)
{
	int32_t distance;

	if (!distance_at(world, table + off, &distance) || distance == 0)
		return 0;
	uint64_t target = table + (uint64_t)(int64_t)distance;
	return graft_world_area_at(world, target) == area ? target : 0;
}

/**
 * Is a text at an address?
 *
 * @param[out] starts_ret Whether it starts there, or is the tail of a longer one,
 * as linkers merge them.
 */
static bool
is_text(const struct graft_world *world, uint64_t addr, bool *starts_ret)
{
	const struct graft_world_range *range = graft_world_range_at(world,
								     addr);
	uint64_t len;

	if (!range || range->area != GRAFT_WORLD_CONSTANT ||
	    !graft_world_text(world, addr, &len) || len <= 1)
		return false;
	*starts_ret = addr == range->addr ||
		      range->bytes[addr - range->addr - 1] == 0;
	return true;
}

uint64_t
graft_distance_count_texts(const struct graft_world *world, uint64_t table)
{
	uint64_t limit = graft_world_next_start(world, table);
	uint64_t count = 0;
	uint64_t start_count = 0;

	for (; table + (count + 1) * 4 <= limit; count++) {
		uint64_t n = graft_distance_target(world, table, count * 4,
						   GRAFT_WORLD_CONSTANT);
		bool starts;
		if (!n || !is_text(world, n, &starts))
			break;
		start_count += starts;
	}
	// Numbers may lead into the middle of texts, but seldom to their starts.
	return start_count < TEXTS_MIN || start_count <= count / 2 ? 0 : count;
}

/** Compare the texts that two tables lead to. */
static struct graft_error *
compare_texts(struct graft_walk *walk, const struct graft_walk_site *site,
	      uint64_t old_addr, uint64_t new_addr, uint64_t count)
{
	// What a table names is no end of anything.
	struct graft_walk_site from = *site;
	struct graft_error *err = NULL;

	from.old_insn = 0;
	from.new_insn = 0;
	for (uint64_t i = 0; !err && i < count; i++) {
		uint64_t o = graft_distance_target(&walk->old_world, old_addr,
						   i * 4, GRAFT_WORLD_CONSTANT);
		uint64_t n = graft_distance_target(&walk->new_world, new_addr,
						   i * 4, GRAFT_WORLD_CONSTANT);
		if (!o)
			return graft_walk_differ(
				walk, site, old_addr, new_addr,
				"entry %llu of the table leads to no text",
				(unsigned long long)i);
		walk->result->constant_bytes += 4;
		err = graft_constant_add(walk, &from, o, n);
	}
	walk->result->constants++;
	return err;
}

/** Follow the entries of two jump tables. */
static struct graft_error *
follow_jumps(struct graft_walk *walk, const struct graft_walk_site *site,
	     uint64_t old_addr, uint64_t new_addr)
{
	uint64_t limit = graft_world_next_start(&walk->new_world, new_addr);
	struct graft_error *err = NULL;

	for (uint64_t off = 0; !err && new_addr + off + 4 <= limit; off += 4) {
		uint64_t n = graft_distance_target(&walk->new_world, new_addr,
						   off, GRAFT_WORLD_CODE);
		uint64_t o = graft_distance_target(&walk->old_world, old_addr,
						   off, GRAFT_WORLD_CODE);
		if (!n)
			break;
		if (!o)
			return graft_walk_differ(
				walk, site, old_addr, new_addr,
				"entry %llu of the jump table leads nowhere",
				(unsigned long long)off / 4);
		walk->result->constant_bytes += 4;
		err = graft_walk_go_on(walk, o, n, site->func);
	}
	walk->result->constants++;
	return err;
}

/** Does NEW's table lead to the code that names it? */
static bool
leads_to_code(const struct graft_walk *walk, const struct graft_walk_site *site,
	      uint64_t table)
{
	const struct graft_world *world = &walk->new_world;
	uint64_t end;
	const struct graft_extent *own =
		graft_world_extent_at(world, site->new_insn, &end);

	// The first entry may lead to the cold part: then the second one tells.
	for (uint64_t off = 0; own && off < 8; off += 4) {
		uint64_t n = graft_distance_target(world, table, off,
						   GRAFT_WORLD_CODE);
		if (!n)
			return false;
		if (graft_world_extent_at(world, n, &end) == own)
			return true;
	}
	return false;
}

struct graft_error *
graft_table_follow(struct graft_walk *walk, const struct graft_walk_site *site,
		   uint64_t old_addr, uint64_t new_addr, bool *ret)
{
	*ret = false;
	if (!site->new_insn || new_addr % 4)
		return NULL;
	if (leads_to_code(walk, site, new_addr)) {
		*ret = true;
		return follow_jumps(walk, site, old_addr, new_addr);
	}
	uint64_t texts = graft_distance_count_texts(&walk->new_world, new_addr);
	if (!texts)
		return NULL;
	*ret = true;
	return compare_texts(walk, site, old_addr, new_addr, texts);
}
