// SPDX-License-Identifier: Apache-2.0

// Landing pads: code that only the unwinder jumps to. The language-specific data
// of both functions must say the same, and the pads are walked like branches.

#include "check/walk.h"

#include "base/cursor.h"

enum {
	OMIT = 0xff,
	ULEB128 = 0x01,
	UDATA4 = 0x03,
	/** Relative to the field, signed, 4 bytes; and through a slot. */
	PCREL_SDATA4 = 0x1b,
	INDIRECT = 0x80,
	/** Records in a chain of actions. */
	CHAIN_MAX = 1024,
};

/** The tables of one side. */
struct table {
	/** Where the function begins: what pads are relative to. */
	uint64_t start;
	/** Personality routine, or the slot that leads to it; 0: none. */
	uint64_t personality;
	bool indirect;
	const uint8_t *bytes;
	uint64_t addr;
	uint64_t len;
	struct graft_cursor c;
	uint8_t types_encoding;
	/** Offset of the end of the list of types; 0 if there is none. */
	uint64_t types;
	uint8_t sites_encoding;
	uint64_t sites_end;
};

/** Where a table is read. */
static uint64_t
tell(const struct table *table)
{
	return (uint64_t)(table->c.at - table->bytes);
}

/** Go on at an offset of the table. */
static void
seek(struct table *table, uint64_t off)
{
	bool bad = table->c.bad || off > table->len;

	table->c = graft_cursor_make(table->bytes, table->len);
	if (!bad)
		(void)graft_cursor_take(&table->c, off);
	table->c.bad |= bad;
}

static uint64_t
take_number(struct table *table)
{
	return table->sites_encoding == ULEB128 ? graft_cursor_leb(&table->c)
						: graft_cursor_le(&table->c, 4);
}

/** Open the tables of the FDE around an address; false: it has none. */
static bool
open_table(const struct graft_world *world, uint64_t addr, struct table *ret)
{
	uint64_t own;
	uint64_t end;
	const struct graft_extent *extent = graft_world_extent_at(world, addr,
								  &end);

	*ret = (struct table){ .types_encoding = OMIT };
	if (!extent || !extent->lsda)
		return false;
	(void)graft_world_image_of(world, addr, &own);
	ret->start = addr - (own - extent->addr);
	ret->addr = extent->lsda + (addr - own);
	ret->indirect = extent->personality_indirect;
	if (extent->personality)
		ret->personality = extent->personality + (addr - own);
	const struct graft_world_range *range = graft_world_range_at(world,
								     ret->addr);
	if (!range || !range->bytes) {
		ret->c.bad = true;
		return true;
	}
	ret->bytes = range->bytes + (ret->addr - range->addr);
	ret->len = range->size - (ret->addr - range->addr);
	ret->c = graft_cursor_make(ret->bytes, ret->len);
	bool bad = graft_cursor_le(&ret->c, 1) != OMIT;
	ret->types_encoding = (uint8_t)graft_cursor_le(&ret->c, 1);
	if (ret->types_encoding != OMIT) {
		uint64_t distance = graft_cursor_leb(&ret->c);
		ret->types = tell(ret) + distance;
		bad |= distance > ret->len || ret->types > ret->len;
	}
	ret->sites_encoding = (uint8_t)graft_cursor_le(&ret->c, 1);
	bad |= ret->sites_encoding != ULEB128 && ret->sites_encoding != UDATA4;
	uint64_t sites_len = graft_cursor_leb(&ret->c);
	ret->sites_end = tell(ret) + sites_len;
	ret->c.bad |= bad || sites_len > graft_cursor_left(&ret->c);
	return true;
}

/** Read a field of 4 bytes that is relative to itself; 0 stays 0. */
static uint64_t
type_at(struct table *table, uint64_t index)
{
	if (index == 0 || index > table->types / 4) {
		table->c.bad = true;
		return 0;
	}
	uint64_t at = table->types - index * 4;
	struct graft_cursor c = graft_cursor_make(table->bytes + at, 4);
	uint32_t field = (uint32_t)graft_cursor_le(&c, 4);
	return field ? table->addr + at + (uint64_t)(int64_t)(int32_t)field : 0;
}

/** Compare the types that a handler catches. */
static struct graft_error *
compare_types(struct graft_walk *walk, const struct graft_walk_site *site,
	      struct table *o, struct table *n, uint64_t index, bool *same_ret)
{
	*same_ret = o->types_encoding == n->types_encoding &&
		    (n->types_encoding & 0x7f) == PCREL_SDATA4;
	if (!*same_ret)
		return NULL;
	uint64_t old_type = type_at(o, index);
	uint64_t new_type = type_at(n, index);
	*same_ret = !o->c.bad && !n->c.bad && !old_type == !new_type;
	if (!*same_ret || !new_type)
		return NULL;
	if (n->types_encoding & INDIRECT)
		return graft_constant_compare(walk, site, old_type, new_type,
					      8);
	return graft_address_compare(walk, site, old_type, new_type);
}

/** Compare the types that an exception specification lets through. */
static struct graft_error *
compare_allowed(struct graft_walk *walk, const struct graft_walk_site *site,
		struct table o, struct table n, uint64_t index, bool *same_ret)
{
	struct graft_error *err = NULL;

	seek(&o, o.types + index - 1);
	seek(&n, n.types + index - 1);
	*same_ret = n.types && o.types && index - 1 < n.len;
	while (!err && *same_ret) {
		uint64_t type = graft_cursor_leb(&n.c);
		*same_ret = type == graft_cursor_leb(&o.c) && !o.c.bad &&
			    !n.c.bad;
		if (type == 0)
			break;
		if (*same_ret)
			err = compare_types(walk, site, &o, &n, type, same_ret);
	}
	return err;
}

/** Compare two chains of actions, from their first records. */
static struct graft_error *
compare_actions(struct graft_walk *walk, const struct graft_walk_site *site,
		struct table o, struct table n, uint64_t action, bool *same_ret)
{
	struct graft_error *err = NULL;

	seek(&o, o.sites_end + action - 1);
	seek(&n, n.sites_end + action - 1);
	*same_ret = action - 1 < n.len;
	for (unsigned i = 0; !err && *same_ret && i < CHAIN_MAX; i++) {
		int64_t filter = graft_cursor_signed_leb(&n.c);
		*same_ret = filter == graft_cursor_signed_leb(&o.c) &&
			    !o.c.bad && !n.c.bad;
		if (*same_ret && filter > 0)
			err = compare_types(walk, site, &o, &n,
					    (uint64_t)filter, same_ret);
		else if (*same_ret && filter < 0)
			err = compare_allowed(walk, site, o, n,
					      -(uint64_t)filter, same_ret);
		uint64_t old_base = tell(&o);
		uint64_t new_base = tell(&n);
		int64_t next = graft_cursor_signed_leb(&n.c);
		*same_ret = *same_ret && next == graft_cursor_signed_leb(&o.c);
		if (!next)
			break;
		seek(&o, old_base + (uint64_t)next);
		seek(&n, new_base + (uint64_t)next);
	}
	*same_ret = *same_ret && !o.c.bad && !n.c.bad;
	return err;
}

/** Compare two lists of call sites, and go on at their pads. */
static struct graft_error *
compare_sites(struct graft_walk *walk, const struct graft_walk_site *site,
	      struct table *o, struct table *n, bool *same_ret)
{
	struct graft_error *err = NULL;

	*same_ret = !o->c.bad && !n->c.bad &&
		    o->sites_encoding == n->sites_encoding &&
		    o->sites_end - tell(o) == n->sites_end - tell(n);
	while (!err && *same_ret && tell(n) < n->sites_end) {
		uint64_t fields[3];
		for (unsigned i = 0; i < 3; i++) {
			fields[i] = take_number(n);
			*same_ret &= take_number(o) == fields[i];
		}
		uint64_t action = graft_cursor_leb(&n->c);
		*same_ret &= graft_cursor_leb(&o->c) == action && !o->c.bad &&
			     !n->c.bad;
		if (*same_ret && fields[2])
			err = graft_walk_go_on(walk, o->start + fields[2],
					       n->start + fields[2],
					       site->func);
		if (!err && *same_ret && action)
			err = compare_actions(walk, site, *o, *n, action,
					      same_ret);
	}
	return err;
}

/** Compare who reads the tables, in code that stays. */
static struct graft_error *
compare_personality(struct graft_walk *walk, const struct graft_walk_site *site,
		    const struct table *o, const struct table *n,
		    bool *same_ret)
{
	*same_ret = !o->personality == !n->personality &&
		    o->indirect == n->indirect;
	if (!*same_ret || !n->personality)
		return NULL;
	if (n->indirect)
		return graft_constant_compare(walk, site, o->personality,
					      n->personality, 8);
	return graft_address_compare(walk, site, o->personality,
				     n->personality);
}

struct graft_error *
graft_landing_add(struct graft_walk *walk, uint32_t func, uint64_t old_addr,
		  uint64_t new_addr)
{
	struct graft_walk_site site = { .func = func };
	struct graft_error *err;
	struct table o;
	struct table n;
	bool same;

	bool has_old = open_table(&walk->old_world, old_addr, &o);
	bool has_new = open_table(&walk->new_world, new_addr, &n);
	if (!has_old && !has_new)
		return NULL;
	if (walk->old_world.shadow_image &&
	    old_addr >= walk->old_world.shadow) {
		err = graft_frame_compare(walk, &site, old_addr, new_addr,
					  &same);
		if (err)
			return err;
		if (!same)
			return graft_walk_differ(
				walk, &site, old_addr, new_addr,
				"carried code has landing pads, which no "
				"process would know of");
	} else if (has_old && has_new) {
		err = compare_personality(walk, &site, &o, &n, &same);
		if (err)
			return err;
		if (!same)
			return graft_walk_differ(
				walk, &site, old_addr, new_addr,
				"only one has a personality routine");
	}
	if (has_old != has_new)
		return graft_walk_differ(walk, &site, old_addr, new_addr,
					 "only one has landing pads");
	err = compare_sites(walk, &site, &o, &n, &same);
	if (err || same)
		return err;
	return graft_walk_differ(walk, &site, old_addr, new_addr,
				 "the landing pads differ");
}
