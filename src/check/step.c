// SPDX-License-Identifier: Apache-2.0

// What a pair of equal instructions refers to.

#include "check/walk.h"

enum {
	/** Instructions of the longest stub of a PLT. */
	STUB_INSNS = 4,
};

/** Is there a stub of the PLT at an address of a world? */
static bool
is_stub(const struct graft_world *world, uint64_t addr)
{
	uint64_t own;
	const struct graft_image *image = graft_world_image_of(world, addr,
							       &own);

	return graft_image_plt_at(image, own) != NULL;
}

/**
 * Find the slot that a stub goes through, as the stub says: that of a carried
 * stub may be one of OLD.
 */
static const struct graft_world_slot *
slot_of_stub(const struct graft_walk *walk, const struct graft_world *world,
	     uint64_t addr)
{
	struct graft_insn_view insn;

	for (unsigned i = 0; i < STUB_INSNS; i++) {
		if (!graft_insn_decode(world, &walk->decoder, addr, &insn))
			return NULL;
		if (insn.has_memory)
			return graft_world_slot_at(world, insn.memory);
		addr = insn.next;
	}
	return NULL;
}

struct graft_error *
graft_step_stub(struct graft_walk *walk, const struct graft_walk_site *site,
		uint64_t old_addr, uint64_t new_addr, bool *bound_ret)
{
	const struct graft_world_slot *old_slot = NULL;
	const struct graft_world_slot *new_slot = NULL;
	struct graft_world_slot direct = { 0 };

	*bound_ret = false;
	if (is_stub(&walk->old_world, old_addr))
		old_slot = slot_of_stub(walk, &walk->old_world, old_addr);
	if (is_stub(&walk->new_world, new_addr))
		new_slot = slot_of_stub(walk, &walk->new_world, new_addr);
	if (!old_slot && !new_slot)
		return NULL;
	*bound_ret = true;
	// One may go straight where the other goes through a stub.
	direct.value.kind = GRAFT_VALUE_ADDRESS;
	direct.value.addr = old_slot ? new_addr : old_addr;
	return graft_value_compare(walk, site, old_slot ? old_slot : &direct,
				   new_slot ? new_slot : &direct, true);
}

/** Compare where two calls or branches lead. */
static struct graft_error *
compare_targets(struct graft_walk *walk, const struct graft_walk_site *site,
		const struct graft_insn_view *old_insn,
		const struct graft_insn_view *new_insn)
{
	bool bound;
	struct graft_error *err = graft_step_stub(walk, site, old_insn->target,
						  new_insn->target, &bound);

	if (err || bound)
		return err;
	if (new_insn->flow == GRAFT_INSN_CALL)
		return graft_walk_enter(walk, site, old_insn->target,
					new_insn->target, "calls");
	return graft_walk_go_on(walk, old_insn->target, new_insn->target,
				site->func);
}

/** Compare what two instructions name in memory. */
static struct graft_error *
compare_memory(struct graft_walk *walk, const struct graft_walk_site *site,
	       const struct graft_insn_view *old_insn,
	       const struct graft_insn_view *new_insn)
{
	uint64_t o = old_insn->memory;
	uint64_t n = new_insn->memory;
	uint64_t len = new_insn->memory_len;
	enum graft_world_area area = graft_world_area_at(&walk->new_world, n);

	if (len == 0)
		return graft_address_compare(walk, site, o, n);
	if (area != graft_world_area_at(&walk->old_world, o))
		return graft_walk_differ(walk, site, o, n,
					 "one reads or writes constants, the "
					 "other data");
	// Through a slot, control goes on; its value is not looked at.
	if (new_insn->flow == GRAFT_INSN_CALL ||
	    new_insn->flow == GRAFT_INSN_END) {
		const struct graft_world_slot *old_slot =
			graft_world_slot_at(&walk->old_world, o);
		const struct graft_world_slot *new_slot =
			graft_world_slot_at(&walk->new_world, n);
		if (area == GRAFT_WORLD_CONSTANT && (old_slot || new_slot))
			return graft_value_compare(walk, site, old_slot,
						   new_slot, true);
	}
	switch (area) {
	case GRAFT_WORLD_DATA:
		return graft_object_add(walk, site, o, n, len);
	case GRAFT_WORLD_CONSTANT:
	case GRAFT_WORLD_CODE:
		return graft_constant_compare(walk, site, o, n, len);
	case GRAFT_WORLD_NONE:
		// A static program reads the headers of its own file.
		if (graft_image_is_fixed(walk->new_world.image))
			return graft_address_compare(walk, site, o, n);
		break;
	}
	return graft_walk_differ(walk, site, o, n,
				 "memory that belongs to no object");
}

struct graft_error *
graft_step_compare(struct graft_walk *walk, const struct graft_walk_site *site,
		   const struct graft_insn_view *old_insn,
		   const struct graft_insn_view *new_insn)
{
	struct graft_error *err = NULL;

	if (new_insn->target && new_insn->flow != GRAFT_INSN_JUMP)
		err = compare_targets(walk, site, old_insn, new_insn);
	if (!err && new_insn->has_memory)
		err = compare_memory(walk, site, old_insn, new_insn);
	for (uint8_t i = 0; !err && i < new_insn->absolute_count; i++)
		err = new_insn->absolutes[i].added
			      ? graft_index_compare(walk, site, old_insn,
						    new_insn, i)
			      : graft_address_compare(
					walk, site, old_insn->absolutes[i].addr,
					new_insn->absolutes[i].addr);
	return err ? err : graft_number_check_insn(walk, site, new_insn);
}
