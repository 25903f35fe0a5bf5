// SPDX-License-Identifier: Apache-2.0

// R-02 by types, for a struct of which every object is a local variable of
// functions that are replaced: none is alive when a process is switched, so
// its layout may change although it is handed on by pointer.
//
// Types say that nobody else can have one: no variable, no other type and no result
// names it. Code says that no address of one gets about (confined.h), and that all
// that has to do with it does the same in both builds but for where its members
// stand (confined_same.h): so nothing else can depend on that.

#include "judge/types/frames.h"

#include "base/vec.h"
#include "judge/confined/same.h"

#include <stdio.h>
#include <string.h>

static struct graft_error *
follow(const struct graft_frames_side *side,
       struct graft_confined_question *question, struct graft_confined **ret)
{
	*question = (struct graft_confined_question){
		.code = side->code,
		.graph = side->graph,
		.size = side->type->size,
		.members = side->members,
		.member_count = side->type->member_count,
		.frames = side->frames,
		.roots = side->roots,
		.closed = side->closed,
	};
	return graft_confined_make(question, ret);
}

/** Find out why one side is not what it should be, if so. */
static void
find_fault(struct graft_frames_side *side,
	   const struct graft_confined *confined)
{
	side->fault = graft_confined_fault(confined, &side->fault_addr);
	if (side->fault)
		side->fault_func = graft_code_func_at(side->code,
						      side->fault_addr);
	for (uint32_t i = 0; !side->fault && i < side->code->func_count; i++) {
		if (!side->given[i] || graft_confined_is_given(confined, i))
			continue;
		side->fault = "it may be given one from elsewhere";
		side->fault_func = i;
	}
}

/** Ask the code of both sides. */
static struct graft_error *
ask_code(struct graft_frames_side *o, struct graft_frames_side *n)
{
	GRAFT_CLEANUP(graft_confined_freep)
	struct graft_confined *was = NULL;
	GRAFT_CLEANUP(graft_confined_freep)
	struct graft_confined *is = NULL;
	struct graft_confined_question old_question;
	struct graft_confined_question new_question;
	struct graft_error *err = follow(o, &old_question, &was);

	if (!err)
		find_fault(o, was);
	if (!err && !o->fault)
		err = follow(n, &new_question, &is);
	if (err || o->fault)
		return err;
	find_fault(n, is);
	if (n->fault)
		return NULL;
	struct graft_confined_pair pair = { o->state->c, was, is };
	return graft_confined_compare(&pair, &n->fault, &n->fault_func,
				      &n->fault_addr);
}

/** Look at one side of a type. */
static struct graft_error *
look_at(struct graft_frames_side *side, uint32_t number, bool *ret)
{
	struct graft_error *err = graft_dwarf_type_peel(
		side->dwarf, number, &side->number, &side->type);

	*ret = false;
	if (!err && side->type->kind == GRAFT_TYPE_IS_STRUCT)
		err = graft_frames_are_named_by_functions(side, ret);
	if (!err && *ret)
		err = graft_frames_collect(side);
	return err;
}

/** Put in what members point to: that may live. */
static struct graft_error *
add_members(struct graft_types_state *state, const struct graft_type_pair *pair)
{
	return graft_comparer_add(&state->comparer, pair->o, pair->n,
				  GRAFT_TYPE_IN_FRAME, pair->way);
}

/** Remember why a struct is not believed to live in frames only. */
static struct graft_error *
keep_fault(struct graft_types_state *state,
	   const struct graft_frames_side *side)
{
	struct graft_place_text place = { .str = "" };

	uint64_t addr = side->fault_addr;

	if (side->fault_func != GRAFT_NONE && !addr)
		addr = side->code->funcs[side->fault_func].addr;
	if (side->fault_func != GRAFT_NONE)
		place = graft_place_code(side->code, side->fault_func, addr);
	(void)snprintf(state->comparer.unframed,
		       sizeof(state->comparer.unframed), "%s%s%.80s",
		       side->fault, place.str[0] ? " in " : "", place.str);
	return NULL;
}

static struct graft_error *
find_out(struct graft_types_state *state, const struct graft_type_pair *pair,
	 bool *ret)
{
	const struct graft_diff *diff = state->c->diff;
	GRAFT_CLEANUP(graft_frames_side_deinit)
	struct graft_frames_side o = {
		.state = state,
		.dwarf = state->types->old_dwarf,
		.code = diff->old_code,
		.graph = state->c->old_graph,
		.match = diff->old_match,
		.fault_func = GRAFT_NONE,
	};
	GRAFT_CLEANUP(graft_frames_side_deinit)
	struct graft_frames_side n = {
		.state = state,
		.dwarf = state->types->new_dwarf,
		.code = diff->new_code,
		.graph = state->c->new_graph,
		.match = diff->new_match,
		.fault_func = GRAFT_NONE,
	};
	bool named = false;
	struct graft_error *err = look_at(&o, pair->o, &named);

	*ret = false;
	if (!err && named)
		err = look_at(&n, pair->n, &named);
	if (err || !named || !o.owned || !n.owned ||
	    strcmp(o.type->name, n.type->name) != 0)
		return err;
	if (!o.fault && !n.fault)
		err = ask_code(&o, &n);
	if (err)
		return err;
	if (o.fault || n.fault)
		return keep_fault(state, o.fault ? &o : &n);
	*ret = true;
	return add_members(state, pair);
}

static struct graft_error *
say_so(struct graft_types_state *state, const struct graft_type_pair *pair)
{
	struct graft_type_text text;
	struct graft_error *err = graft_type_print(state->types->new_dwarf,
						   pair->n, &text);

	state->types->framed_differs = true;
	if (err)
		return err;
	return graft_case_note(
		state->c, GRAFT_RULE_LAYOUT, text.str,
		"its layout differs, but all objects of it live in frames of functions that are replaced, and these do the same but for where its members stand");
}

struct graft_error *
graft_types_live_in_frames(void *context, const struct graft_type_pair *pair,
			   bool *ret)
{
	struct graft_types_state *state = context;
	struct graft_framed_type found = { pair->o, pair->n, false };

	for (size_t i = 0; i < state->framed_count; i++) {
		if (state->framed[i].o != pair->o ||
		    state->framed[i].n != pair->n)
			continue;
		*ret = state->framed[i].only;
		return NULL;
	}
	struct graft_error *err = graft_vec_reserve(
		&state->framed, &state->framed_cap, state->framed_count + 1,
		sizeof(*state->framed));
	if (!err)
		err = find_out(state, pair, &found.only);
	if (!err && found.only)
		err = say_so(state, pair);
	if (err)
		return err;
	state->framed[state->framed_count++] = found;
	*ret = found.only;
	return NULL;
}
