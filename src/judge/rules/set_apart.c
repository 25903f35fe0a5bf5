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
	struct graft_case *c;
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
	bool address = own && (!op->has_mem || op->what == GRAFT_OP_LEA);
	search->taken |= address;
	// Who has its address, or an index from it, may read it.
	if (own && (op->mem_read || address) && !state->set)
		search->reads_earlier = true;
	state->looked |= tests || address;
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

/** Look at all ways through a function and its cut-off parts. */
GRAFT_MUST_CHECK static struct graft_error *
search_func(struct search *search, uint32_t user)
{
	const struct graft_code *code = search->c->diff->new_code;
	uint32_t func = code->funcs[user].group;
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct state entry = { 0 };

	struct graft_error *err = graft_ops_read(code, func, &ops);
	for (uint32_t part = code->funcs[func].group_next;
	     !err && part != GRAFT_NONE; part = code->funcs[part].group_next)
		err = graft_ops_append(&ops, part);
	if (err)
		return err;
	graft_ops_join(&ops);
	return graft_ways_follow(&ops, sizeof(entry), &entry, step, merge,
				 search);
}

GRAFT_MUST_CHECK static struct graft_error *
refuse(const struct search *search, uint32_t user)
{
	const struct graft_code *code = search->c->diff->new_code;
	char name[200];
	struct graft_place_text where = graft_place_data(
		search->c->diff->new_image, search->piece->addr);

	graft_code_name(code, code->funcs[user].group, name, sizeof(name));
	return graft_case_refuse(
		search->c, GRAFT_RULE_OBJECT, where.str,
		"a new writable object that %s sets on one way and reads on another: what came by the first way before the change set nothing",
		name);
}

struct graft_error *
graft_check_set_apart(struct graft_case *c, const struct graft_piece *piece,
		      uint32_t user)
{
	struct search search = { .c = c, .piece = piece };
	struct graft_error *err = search_func(&search, user);

	if (err || !search.sets_blindly || !search.reads_earlier)
		return err;
	return refuse(&search, user);
}

struct graft_error *
graft_check_copies_apart(struct graft_case *c, const struct graft_piece *piece)
{
	const struct graft_diff *diff = c->diff;
	const struct graft_code *code = diff->new_code;
	struct search search = { .c = c, .piece = piece };
	uint32_t last = GRAFT_NONE;

	for (size_t i = 0; i < diff->resolution_count; i++) {
		const struct graft_resolution *r = &diff->resolutions[i];
		uint32_t group = code->funcs[r->func].group;
		if (code->refs[r->ref].target - piece->addr >= piece->size ||
		    group == last)
			continue;
		last = group;
		struct graft_error *err = search_func(&search, group);
		if (err)
			return err;
	}
	// One copy that was called to set may have run as OLD, too.
	if (last == GRAFT_NONE ||
	    (!search.taken && (!search.sets_blindly || !search.reads_earlier)))
		return NULL;
	return refuse(&search, last);
}
