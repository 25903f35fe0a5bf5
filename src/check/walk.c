// SPDX-License-Identifier: Apache-2.0

#include "check/walk.h"

#include "base/vec.h"
#include "patch/patch.h"

enum {
	/** Jumps and nops in a row that are followed. */
	IDLE_MAX = 256,
	FUNCS_MAX = 1 << 24,
};

struct graft_error *
graft_walk_list_add(struct graft_walk_list *list, struct graft_walk_ref ref)
{
	struct graft_error *err = graft_vec_reserve(
		&list->refs, &list->cap, list->count + 1, sizeof(*list->refs));

	if (!err)
		list->refs[list->count++] = ref;
	return err;
}

struct graft_error *
graft_walk_go_on(struct graft_walk *walk, uint64_t old_addr, uint64_t new_addr,
		 uint32_t func)
{
	struct graft_error *err;

	if (graft_joint_find(&walk->seen, old_addr, new_addr))
		return NULL;
	err = graft_vec_reserve(&walk->blocks, &walk->block_cap,
				walk->block_count + 1, sizeof(*walk->blocks));
	if (!err)
		walk->blocks[walk->block_count++] =
			(struct graft_walk_block){ old_addr, new_addr, func };
	return err;
}

/** Make a pair of functions known; @p ret is its index. */
static struct graft_error *
add_func(struct graft_walk *walk, uint32_t parent, uint64_t old_addr,
	 uint64_t new_addr, const char *how, uint32_t *ret, bool *fresh_ret)
{
	struct graft_joint *entry;
	struct graft_error *err;

	if (walk->func_count >= FUNCS_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "too many pairs of functions");
	err = graft_joint_put(&walk->entries, old_addr, new_addr,
			      walk->func_count, &entry, fresh_ret);
	if (err)
		return err;
	*ret = (uint32_t)entry->value;
	if (!*fresh_ret)
		return NULL;
	err = graft_vec_reserve(&walk->funcs, &walk->func_cap,
				walk->func_count + 1, sizeof(*walk->funcs));
	if (err)
		return err;
	walk->funcs[walk->func_count++] =
		(struct graft_walk_func){ old_addr, new_addr, parent, how };
	walk->result->functions++;
	return NULL;
}

struct graft_error *
graft_walk_enter(struct graft_walk *walk, const struct graft_walk_site *site,
		 uint64_t old_addr, uint64_t new_addr, const char *how)
{
	struct graft_error *err;
	uint32_t func;
	bool fresh;

	if (graft_world_area_at(&walk->old_world, old_addr) !=
		    GRAFT_WORLD_CODE ||
	    graft_world_area_at(&walk->new_world, new_addr) != GRAFT_WORLD_CODE)
		return graft_walk_differ(walk, site, old_addr, new_addr,
					 "one leads to what is no code");
	err = add_func(walk, site->func, old_addr, new_addr,
		       site->root ? site->root : how, &func, &fresh);
	if (err || !fresh)
		return err;
	return graft_walk_go_on(walk, old_addr, new_addr, func);
}

/** Find the jump behind the first instruction at an address, or NULL. */
static const struct graft_redirect *
redirect_behind(const struct graft_world *world, uint64_t addr)
{
	const struct graft_patch_module *m = world->module;

	for (size_t i = 0; m && i < m->redirect_count; i++) {
		if (m->redirects[i].old_addr == addr && m->redirects[i].behind)
			return &m->redirects[i];
	}
	return NULL;
}

/** Note that code was reached: for the counts, and for its landing pads. */
static struct graft_error *
mark(struct graft_walk *walk, uint64_t old_addr, uint64_t new_addr,
     uint32_t func)
{
	const struct graft_world *world = &walk->old_world;
	uint64_t own;
	const struct graft_image *image = graft_world_image_of(world, old_addr,
							       &own);
	size_t i = graft_world_extent_index(image, own);
	size_t k = graft_world_extent_index(walk->new_world.image, new_addr);
	bool fresh;

	if (i != SIZE_MAX && image == world->image && old_addr == own)
		walk->old_reached[i] = true;
	if (k != SIZE_MAX)
		walk->new_reached[k] = true;
	if (i == SIZE_MAX && k == SIZE_MAX)
		return NULL;
	// One instruction of OLD is left of what is replaced; the tables are
	// those of where it goes on.
	size_t count;
	bool starts = i != SIZE_MAX && old_addr == own &&
		      graft_image_extents(image, &count)[i].addr == own;
	const struct graft_redirect *r =
		starts ? redirect_behind(world, old_addr) : NULL;
	if (r)
		return mark(walk, world->shadow + graft_redirect_target(r),
			    new_addr + r->skip, func);
	struct graft_joint *entry;
	struct graft_error *err = graft_joint_put(
		&walk->extents, old_addr == own ? i : ~i, k, 0, &entry, &fresh);
	return err || !fresh
		       ? err
		       : graft_landing_add(walk, func, old_addr, new_addr);
}

/** Follow nops and jumps to the next instruction that does something. */
static bool
fetch(const struct graft_walk *walk, const struct graft_world *world,
      uint64_t addr, struct graft_insn_view *ret, bool *jumped_ret)
{
	for (unsigned i = 0; i < IDLE_MAX; i++) {
		if (!graft_insn_decode(world, &walk->decoder, addr, ret))
			return false;
		if (ret->flow == GRAFT_INSN_JUMP) {
			*jumped_ret = true;
			addr = ret->target;
		} else if (ret->idle) {
			addr = ret->next;
		} else {
			return true;
		}
	}
	// A loop that does nothing is what it is: the jump that comes back.
	return true;
}

/** Does NEW's function end behind an instruction? */
static bool
ends_here(const struct graft_walk *walk, const struct graft_insn_view *insn)
{
	uint64_t end;

	return graft_world_extent_at(&walk->new_world, insn->addr, &end) &&
	       insn->next >= end;
}

/** Behind a jump into another function, go on as that one. */
static struct graft_error *
follow_tail(struct graft_walk *walk, const struct graft_insn_view *old_insn,
	    const struct graft_insn_view *new_insn, uint32_t *func_io)
{
	const struct graft_walk_func *func = &walk->funcs[*func_io];
	uint64_t end;
	const struct graft_extent *to =
		graft_world_extent_at(&walk->new_world, new_insn->addr, &end);
	bool fresh;

	// Only where it lands at the start of another one.
	if (!to ||
	    to == graft_world_extent_at(&walk->new_world, func->new_addr, &end))
		return NULL;
	uint64_t skipped = new_insn->addr - to->addr;
	if (skipped != 0 && skipped != 4)
		return NULL;
	return add_func(walk, *func_io, old_insn->addr, new_insn->addr,
			"jumps to", func_io, &fresh);
}

/**
 * Take note of where a jump, or a call, lands.
 *
 * @param[in,out] site Its function becomes that in which it lands.
 * @param[out] bound_ret Whether both land at one import: there is nothing to walk.
 */
static struct graft_error *
arrive(struct graft_walk *walk, struct graft_walk_site *site,
       const struct graft_insn_view *old_insn,
       const struct graft_insn_view *new_insn, bool *bound_ret)
{
	struct graft_error *err = graft_step_stub(walk, site, old_insn->addr,
						  new_insn->addr, bound_ret);

	if (err || *bound_ret)
		return err;
	err = follow_tail(walk, old_insn, new_insn, &site->func);
	return err ? err
		   : mark(walk, old_insn->addr, new_insn->addr, site->func);
}

/** Walk two streams of instructions until they end or were walked before. */
static struct graft_error *
walk_block(struct graft_walk *walk, struct graft_walk_block block)
{
	struct graft_insn_view old_insn;
	struct graft_insn_view new_insn;
	struct graft_error *err = NULL;
	bool jumped = true;
	bool bound = false;

	for (;;) {
		struct graft_walk_site site = { block.func, block.old_addr,
						block.new_addr, NULL };
		if (!fetch(walk, &walk->old_world, block.old_addr, &old_insn,
			   &jumped) ||
		    !fetch(walk, &walk->new_world, block.new_addr, &new_insn,
			   &jumped))
			return graft_walk_differ(
				walk, &site, block.old_addr, block.new_addr,
				"one of the two cannot be decoded");
		site.old_insn = old_insn.addr;
		site.new_insn = new_insn.addr;
		if (jumped) {
			err = arrive(walk, &site, &old_insn, &new_insn, &bound);
			if (err || bound)
				return err;
			block.func = site.func;
			jumped = false;
		}

		struct graft_joint *entry;
		bool fresh;
		err = graft_joint_put(&walk->seen, old_insn.addr, new_insn.addr,
				      block.func, &entry, &fresh);
		if (err || !fresh)
			return err;
		walk->result->instructions++;
		bool same = graft_insn_same(&old_insn, &new_insn);
		if (!same)
			err = graft_left_take_line(walk, &old_insn, &new_insn,
						   &same);
		if (err)
			return err;
		if (!same)
			return graft_walk_differ(walk, &site, old_insn.addr,
						 new_insn.addr,
						 "the instructions differ");
		err = graft_step_compare(walk, &site, &old_insn, &new_insn);
		if (err || new_insn.flow == GRAFT_INSN_END ||
		    new_insn.flow == GRAFT_INSN_JUMP)
			return err;
		// What is called last does not return.
		if (new_insn.flow == GRAFT_INSN_CALL &&
		    ends_here(walk, &new_insn))
			return NULL;
		block.old_addr = old_insn.next;
		block.new_addr = new_insn.next;
	}
}

struct graft_error *
graft_walk_run(struct graft_walk *walk)
{
	struct graft_error *err = NULL;
	bool busy = true;

	while (!err && busy) {
		while (!err && walk->block_done < walk->block_count)
			err = walk_block(walk,
					 walk->blocks[walk->block_done++]);
		if (!err)
			err = graft_constant_run(walk);
		if (!err)
			err = graft_object_run(walk);
		busy = walk->block_done < walk->block_count ||
		       walk->constants.done < walk->constants.count ||
		       walk->objects.done < walk->objects.count;
	}
	if (!err)
		err = graft_object_check_all(walk);
	return err ? err : graft_end_check_all(walk);
}
