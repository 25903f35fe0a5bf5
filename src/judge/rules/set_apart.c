// SPDX-License-Identifier: Apache-2.0

// R-19 within one function: a way through it sets a new object without having
// looked at it, and another way reads what an earlier call set. The first may have
// run already, as OLD: a login that set nothing, before a command that asks for it.
//
// Who looks before it sets (a count, a cache that is filled when it is empty, the
// largest so far) finds what a new process finds. So does who sets it to what it
// begins with. An object that is filled under a test of another new one, as static
// locals of C++ are, goes with that one.

#include "judge/rules/set_apart.h"

#include "judge/flow/ways.h"

#include <Zydis/Zydis.h>
#include <string.h>

/** What all ways to an instruction did. */
struct state {
	bool looked;
	bool set;
};

struct search {
	const struct graft_case *c;
	const struct graft_piece *piece;
	/** Some way sets without looking; some way reads what it did not set. */
	bool sets_blindly;
	bool reads_earlier;
	/** The address of the object gets about: who sets it is not known. */
	bool taken;
};

/** Find the new object that an instruction names, or NULL. */
static const struct graft_piece *
named(const struct search *search, const struct graft_ops *ops,
      const struct graft_op *op)
{
	const struct graft_diff *diff = search->c->diff;
	uint32_t ref = ops->code->insns[op->insn].ref;

	if (ref == GRAFT_NONE)
		return NULL;
	uint64_t addr = ops->code->refs[ref].target;
	for (size_t i = 0; i < diff->piece_count; i++) {
		const struct graft_piece *piece = &diff->pieces[i];
		if (piece->writable && addr - piece->addr < piece->size)
			return piece;
	}
	return NULL;
}

/** Say whether an instruction stores what the object begins with. */
static bool
stores_initial(const struct search *search, const struct graft_ops *ops,
	       uint32_t at)
{
	const struct graft_op *op = &ops->ops[at];
	uint64_t addr = ops->code->refs[ops->code->insns[op->insn].ref].target;
	const uint8_t *bytes = graft_image_bytes(search->c->diff->new_image,
						 addr, op->mem_size);
	int64_t value = op->imm;
	int64_t initial = 0;

	if (op->what != GRAFT_OP_MOV || op->mem_size > sizeof(initial))
		return false;
	if (!op->has_imm && (op->src >= 16 ||
			     !graft_op_find_constant(ops, at, op->src, &value)))
		return false;
	if (bytes)
		memcpy(&initial, bytes, op->mem_size);
	return memcmp(&value, &initial, op->mem_size) == 0;
}

static void
step(void *context, const struct graft_ops *ops, uint32_t at, void *known)
{
	struct search *search = context;
	struct state *state = known;
	const struct graft_op *op = &ops->ops[at];
	const struct graft_piece *piece = named(search, ops, op);

	if (!piece)
		return;
	bool own = piece == search->piece;
	// What is only moved on (a count) is no test.
	bool tests = op->mem_read && (own || !op->mem_write);
	if (own && (!op->has_mem || op->what == GRAFT_OP_LEA))
		search->taken = true;
	if (own && op->mem_read && !state->set)
		search->reads_earlier = true;
	state->looked |= tests;
	if (!own || !op->mem_write)
		return;
	if (!state->looked && !stores_initial(search, ops, at))
		search->sets_blindly = true;
	state->set = true;
}

static bool
merge(void *into, const void *from)
{
	struct state *a = into;
	const struct state *b = from;
	struct state was = *a;

	a->looked &= b->looked;
	a->set &= b->set;
	return a->looked != was.looked || a->set != was.set;
}

struct graft_error *
graft_check_set_apart(struct graft_case *c, const struct graft_piece *piece,
		      uint32_t user)
{
	const struct graft_code *code = c->diff->new_code;
	uint32_t func = code->funcs[user].group;
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct search search = { .c = c, .piece = piece };
	struct state entry = { 0 };

	struct graft_error *err = graft_ops_read(code, func, &ops);
	for (uint32_t part = code->funcs[func].group_next;
	     !err && part != GRAFT_NONE; part = code->funcs[part].group_next)
		err = graft_ops_append(&ops, part);
	if (err)
		return err;
	graft_ops_join(&ops);
	err = graft_ways_follow(&ops, sizeof(entry), &entry, step, merge,
				&search);
	if (err || search.taken || !search.sets_blindly ||
	    !search.reads_earlier)
		return err;
	char name[200];
	graft_code_name(code, func, name, sizeof(name));
	struct graft_place_text where = graft_place_data(c->diff->new_image,
							 piece->addr);
	return graft_case_refuse(
		c, GRAFT_RULE_OBJECT, where.str,
		"a new writable object that %s sets on one way and reads on another: what came by the first way before the change set nothing",
		name);
}
