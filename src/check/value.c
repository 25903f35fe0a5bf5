// SPDX-License-Identifier: Apache-2.0

// What slots are bound to, and what addresses stand for.

#include "check/walk.h"

#include <stdio.h>
#include <string.h>

enum {
	/** How far behind a section its end may be said to be. */
	ROUND_MAX = 7,
};

static bool
same_name(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/** Print what a slot holds. */
static void
print_value(const struct graft_world_slot *slot, char *ret, size_t len)
{
	const struct graft_value *value = slot ? &slot->value : NULL;

	if (!value)
		(void)snprintf(ret, len, "nothing that a loader fills in");
	else if (value->symbol)
		(void)snprintf(ret, len, "%.100s%s%.60s%+lld", value->symbol,
			       value->version ? "@" : "",
			       value->version ? value->version : "",
			       (long long)value->addend);
	else
		(void)snprintf(ret, len, "address 0x%llx%s",
			       (unsigned long long)value->addr,
			       value->kind == GRAFT_VALUE_RESOLVER
				       ? " of a resolver"
				       : "");
}

static struct graft_error *
differ(struct graft_walk *walk, const struct graft_walk_site *site,
       const struct graft_world_slot *old_slot,
       const struct graft_world_slot *new_slot)
{
	char old_text[200];
	char new_text[200];

	print_value(old_slot, old_text, sizeof(old_text));
	print_value(new_slot, new_text, sizeof(new_text));
	return graft_walk_differ(walk, site, old_slot ? old_slot->addr : 0,
				 new_slot ? new_slot->addr : 0,
				 "bound to %s instead of %s", old_text,
				 new_text);
}

/** Follow two addresses that slots hold. */
static struct graft_error *
follow(struct graft_walk *walk, const struct graft_walk_site *site, uint64_t o,
       uint64_t n, bool call)
{
	if (call &&
	    graft_world_area_at(&walk->new_world, n) == GRAFT_WORLD_CODE)
		return graft_walk_enter(walk, site, o, n, "calls");
	return graft_address_compare(walk, site, o, n);
}

struct graft_error *
graft_value_compare(struct graft_walk *walk, const struct graft_walk_site *site,
		    const struct graft_world_slot *old_slot,
		    const struct graft_world_slot *new_slot, bool call)
{
	if (!old_slot || !new_slot)
		return differ(walk, site, old_slot, new_slot);
	const struct graft_value *o = &old_slot->value;
	const struct graft_value *n = &new_slot->value;

	walk->result->slots++;
	// A symbol that only NEW defines is a plain address in the shadow.
	if (o->kind == GRAFT_VALUE_ADDRESS && n->kind == GRAFT_VALUE_SYMBOL &&
	    n->defined)
		return follow(walk, site, o->addr,
			      n->addr + (uint64_t)n->addend, call);
	if (o->kind != n->kind)
		return differ(walk, site, old_slot, new_slot);
	switch (n->kind) {
	case GRAFT_VALUE_ADDRESS:
		return follow(walk, site, o->addr, n->addr, call);
	case GRAFT_VALUE_RESOLVER:
		return graft_walk_enter(walk, site, o->addr, n->addr,
					"is resolved by");
	case GRAFT_VALUE_SYMBOL:
		if (o->symbol && same_name(o->symbol, n->symbol) &&
		    same_name(o->version, n->version) && o->addend == n->addend)
			return NULL;
		break;
	case GRAFT_VALUE_TLS_MODULE:
	case GRAFT_VALUE_TLS_OFFSET:
	case GRAFT_VALUE_TLS_POINTER:
	case GRAFT_VALUE_TLS_DESCRIPTOR:
		// An offset in this module's block is a number.
		if (same_name(o->symbol, n->symbol) &&
		    same_name(o->version, n->version) &&
		    o->addend == n->addend &&
		    (n->kind == GRAFT_VALUE_TLS_MODULE || o->addr == n->addr))
			return NULL;
		break;
	case GRAFT_VALUE_NONE:
	case GRAFT_VALUE_OTHER:
		break;
	}
	return differ(walk, site, old_slot, new_slot);
}

/** Compare two addresses of code that something holds. */
static struct graft_error *
compare_code(struct graft_walk *walk, const struct graft_walk_site *site,
	     uint64_t o, uint64_t n)
{
	struct graft_joint *entry;
	struct graft_error *err;
	bool fresh;
	uint64_t end;

	// A label of the function that names it is a place to go on.
	const struct graft_extent *extent =
		graft_world_extent_at(&walk->new_world, n, &end);
	if (site->new_insn && extent && extent->addr != n &&
	    extent == graft_world_extent_at(&walk->new_world, site->new_insn,
					    &end))
		return graft_walk_go_on(walk, o, n, site->func);

	// Function pointers are compared: each has one value on either side.
	err = graft_joint_put(&walk->old_taken, o, 0, n, &entry, &fresh);
	if (!err && !fresh && entry->value != n)
		return graft_walk_differ(walk, site, o, n,
					 "the address of this function of OLD "
					 "stands for another of NEW too");
	if (!err)
		err = graft_joint_put(&walk->new_taken, n, 0, o, &entry,
				      &fresh);
	if (!err && !fresh && entry->value != o)
		return graft_walk_differ(walk, site, o, n,
					 "this function has another address "
					 "elsewhere");
	return err ? err
		   : graft_walk_enter(walk, site, o, n, "takes the address of");
}

/** Is an address of OLD the start or the end of the section of a name? */
static bool
is_edge(const struct graft_world *world, const char *name, uint64_t addr,
	bool end)
{
	for (size_t i = 0; i < world->range_count; i++) {
		const struct graft_world_range *range = &world->ranges[i];
		if (addr == range->addr + (end ? range->size : 0) &&
		    strcmp(range->name, name) == 0)
			return true;
	}
	return false;
}

/** Is an address the end of a section, rounded up to the size of a pointer? */
static bool
is_rounded_end(const struct graft_world *world, const char *name, uint64_t addr)
{
	for (size_t i = 0; i < world->range_count; i++) {
		const struct graft_world_range *range = &world->ranges[i];
		uint64_t end = range->addr + range->size;
		if (strcmp(range->name, name) == 0 &&
		    addr == ((end + 7) & ~UINT64_C(7)))
			return true;
	}
	return false;
}

/**
 * Ask whether two addresses are what the linker calls by itself: the header of
 * the file, the start or end of a section, or a place in the dynamic section.
 */
static bool
same_frame(const struct graft_walk *walk, uint64_t o, uint64_t n)
{
	const struct graft_world *ow = &walk->old_world;
	const struct graft_world *nw = &walk->new_world;

	if (ow->shadow_image && o >= ow->shadow)
		return false;
	if (nw->range_count && n < nw->ranges[0].addr)
		return o == n;
	for (size_t i = 0; i < nw->range_count; i++) {
		const struct graft_world_range *range = &nw->ranges[i];
		uint64_t end = range->addr + range->size;
		// The linker rounds the end of a section up.
		if (n < range->addr || n > end + ROUND_MAX)
			continue;
		if (n >= end && is_edge(ow, range->name, o - (n - end), true))
			return true;
		if (is_rounded_end(nw, range->name, n) &&
		    is_rounded_end(ow, range->name, o))
			return true;
		if (n < end && range->area == GRAFT_WORLD_NONE &&
		    is_edge(ow, range->name, o - (n - range->addr), false))
			return true;
	}
	return false;
}

/** Do the data of a build end at an address, but for what the linker rounds? */
static bool
data_end_at(const struct graft_world *world, uint64_t addr)
{
	for (size_t i = 0; i < world->range_count; i++) {
		const struct graft_world_range *range = &world->ranges[i];
		if (strcmp(range->name, ".data") == 0 &&
		    addr - (range->addr + range->size) <= ROUND_MAX)
			return true;
	}
	return false;
}

/**
 * Ask whether code that stays takes the place where the slots of the loader
 * begin and the data in front of them end: lld puts nothing between.
 */
static bool
same_slots_edge(const struct graft_walk *walk,
		const struct graft_walk_site *site, uint64_t o, uint64_t n)
{
	const struct graft_world *ow = &walk->old_world;
	const struct graft_world *nw = &walk->new_world;

	if (ow->shadow_image && site->old_insn >= ow->shadow)
		return false;
	return is_edge(nw, ".got.plt", n, false) &&
	       is_edge(ow, ".got.plt", o, false) && data_end_at(nw, n) &&
	       data_end_at(ow, o);
}

/** Compare addresses of which one is in no constant, code or object. */
static struct graft_error *
compare_frames(struct graft_walk *walk, const struct graft_walk_site *site,
	       uint64_t o, uint64_t n)
{
	// In code that stays, the linker of OLD put it there. What a hotpatch
	// was made to say is looked at: where NEW has something, an address of
	// OLD that has nothing must not be followed.
	bool stays = !walk->old_world.shadow_image ||
		     site->old_insn < walk->old_world.shadow;

	if (same_frame(walk, o, n) &&
	    (stays ||
	     graft_world_area_at(&walk->new_world, n) == GRAFT_WORLD_NONE))
		return NULL;
	if (graft_end_is_likely(walk, site))
		return graft_end_add(walk, site, o, n);
	return graft_walk_differ(walk, site, o, n,
				 "the addresses are of different kinds");
}

struct graft_error *
graft_address_compare(struct graft_walk *walk,
		      const struct graft_walk_site *site, uint64_t o,
		      uint64_t n)
{
	enum graft_world_area area = graft_world_area_at(&walk->new_world, n);
	bool bound;

	if (area != graft_world_area_at(&walk->old_world, o) ||
	    area == GRAFT_WORLD_NONE)
		return compare_frames(walk, site, o, n);
	if (same_slots_edge(walk, site, o, n))
		return NULL;
	if (area == GRAFT_WORLD_CONSTANT)
		return graft_constant_add(walk, site, o, n);
	if (area == GRAFT_WORLD_DATA)
		return graft_object_add(walk, site, o, n, 0);
	struct graft_error *err = graft_step_stub(walk, site, o, n, &bound);
	if (err || bound)
		return err;
	return graft_guess_is_table(walk, site, n)
		       ? graft_constant_add(walk, site, o, n)
		       : compare_code(walk, site, o, n);
}
