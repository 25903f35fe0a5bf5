// SPDX-License-Identifier: Apache-2.0

// Landing pads: code that only the unwinder jumps to. The language-specific data
// of both functions must say the same, and the pads are walked like branches.

#include "check/walk.h"

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
	const struct graft_world *world;
	/** Where the function begins: what pads are relative to. */
	uint64_t start;
	const uint8_t *bytes;
	uint64_t addr;
	uint64_t len;
	uint64_t at;
	bool failed;
	uint8_t types_encoding;
	/** Offset of the end of the list of types; 0 if there is none. */
	uint64_t types;
	uint8_t sites_encoding;
	uint64_t sites_end;
};

static uint8_t
take_byte(struct table *table)
{
	if (table->at >= table->len) {
		table->failed = true;
		return 0;
	}
	return table->bytes[table->at++];
}

static uint64_t
take_leb(struct table *table, bool is_signed)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = take_byte(table);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) && !table->failed);
	if (is_signed && (byte & 0x40) && shift < 64)
		value |= ~UINT64_C(0) << shift;
	return value;
}

static uint64_t
take_number(struct table *table)
{
	uint64_t value = 0;

	if (table->sites_encoding == ULEB128)
		return take_leb(table, false);
	for (unsigned i = 0; i < 4; i++)
		value |= (uint64_t)take_byte(table) << (8 * i);
	return value;
}

/** Open the tables of the FDE around an address; false: it has none. */
static bool
open_table(const struct graft_world *world, uint64_t addr, struct table *ret)
{
	uint64_t own;
	uint64_t end;
	const struct graft_extent *extent = graft_world_extent_at(world, addr,
								  &end);

	*ret = (struct table){ .world = world, .types_encoding = OMIT };
	if (!extent || !extent->lsda)
		return false;
	(void)graft_world_image_of(world, addr, &own);
	ret->start = addr - (own - extent->addr);
	ret->addr = extent->lsda + (addr - own);
	const struct graft_world_range *range = graft_world_range_at(world,
								     ret->addr);
	if (!range || !range->bytes) {
		ret->failed = true;
		return true;
	}
	ret->bytes = range->bytes + (ret->addr - range->addr);
	ret->len = range->size - (ret->addr - range->addr);
	if (take_byte(ret) != OMIT)
		ret->failed = true;
	ret->types_encoding = take_byte(ret);
	if (ret->types_encoding != OMIT) {
		uint64_t distance = take_leb(ret, false);
		ret->types = ret->at + distance;
	}
	ret->sites_encoding = take_byte(ret);
	if (ret->sites_encoding != ULEB128 && ret->sites_encoding != UDATA4)
		ret->failed = true;
	uint64_t sites_len = take_leb(ret, false);
	ret->sites_end = ret->at + sites_len;
	if (sites_len > ret->len || ret->sites_end > ret->len ||
	    ret->types > ret->len)
		ret->failed = true;
	return true;
}

/** Read a field of 4 bytes that is relative to itself; 0 stays 0. */
static uint64_t
type_at(struct table *table, uint64_t index)
{
	uint64_t at = table->types - index * 4;
	uint32_t field = 0;

	if (index > table->types / 4 || at + 4 > table->len) {
		table->failed = true;
		return 0;
	}
	for (unsigned i = 0; i < 4; i++)
		field |= (uint32_t)table->bytes[at + i] << (8 * i);
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
	*same_ret = !o->failed && !n->failed && !old_type == !new_type;
	if (!*same_ret || !new_type)
		return NULL;
	if (n->types_encoding & INDIRECT)
		return graft_constant_compare(walk, site, old_type, new_type,
					      8);
	return graft_address_compare(walk, site, old_type, new_type);
}

/** Compare two chains of actions, from their first records. */
static struct graft_error *
compare_actions(struct graft_walk *walk, const struct graft_walk_site *site,
		struct table o, struct table n, uint64_t action, bool *same_ret)
{
	struct graft_error *err = NULL;

	o.at = o.sites_end + action - 1;
	n.at = n.sites_end + action - 1;
	*same_ret = true;
	for (unsigned i = 0; !err && *same_ret && i < CHAIN_MAX; i++) {
		uint64_t filter = take_leb(&n, true);
		*same_ret = filter == take_leb(&o, true) && !o.failed &&
			    !n.failed;
		if (*same_ret && (int64_t)filter > 0)
			err = compare_types(walk, site, &o, &n, filter,
					    same_ret);
		uint64_t old_base = o.at;
		uint64_t new_base = n.at;
		uint64_t next = take_leb(&n, true);
		*same_ret = *same_ret && next == take_leb(&o, true);
		if (!next)
			break;
		o.at = old_base + next;
		n.at = new_base + next;
	}
	*same_ret = *same_ret && !o.failed && !n.failed;
	return err;
}

/** Compare two lists of call sites, and go on at their pads. */
static struct graft_error *
compare_sites(struct graft_walk *walk, const struct graft_walk_site *site,
	      struct table *o, struct table *n, bool *same_ret)
{
	struct graft_error *err = NULL;

	*same_ret = !o->failed && !n->failed &&
		    o->sites_encoding == n->sites_encoding &&
		    o->sites_end - o->at == n->sites_end - n->at;
	while (!err && *same_ret && n->at < n->sites_end) {
		uint64_t fields[3];
		for (unsigned i = 0; i < 3; i++) {
			fields[i] = take_number(n);
			*same_ret &= take_number(o) == fields[i];
		}
		uint64_t action = take_leb(n, false);
		*same_ret &= take_leb(o, false) == action && !o->failed &&
			     !n->failed;
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
