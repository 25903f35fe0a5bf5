// SPDX-License-Identifier: Apache-2.0

// R-02 by types, for a struct of which every object is a local variable of
// functions that are replaced: none is alive when a process is switched, so
// its layout may change although it is handed on by pointer.
//
// Types say that nobody else can have one: no variable, member, function type or
// other function names it. Code says the rest (confined.h): the functions that are
// given its address are given that of a frame, whoever calls them; and beyond
// frames, all that is carried reaches in both builds the same displacements, as
// often, so that no cast leads to an object elsewhere.

#include "base/vec.h"
#include "judge/confined.h"
#include "judge/types_state.h"

#include <string.h>

enum {
	/** Pointers, arrays and members that are followed to a name. */
	DEPTH_MAX = 12,
};

/** One side of the question. */
struct side {
	struct graft_types_state *state;
	bool is_new;
	struct graft_dwarf *dwarf;
	const struct graft_code *code;
	const struct graft_func_match *match;
	/** What is asked about. */
	const struct graft_type *type;
	uint32_t number;
};

static bool
is_aggregate(const struct graft_type *type)
{
	return type->kind == GRAFT_TYPE_IS_STRUCT ||
	       type->kind == GRAFT_TYPE_IS_UNION;
}

/** Say whether a type names the one that is asked about: it is it, or leads to it
 * through pointers, arrays, functions and what has no name of its own. */
static struct graft_error *
names(const struct side *side, uint32_t number, int depth, bool *ret)
{
	const struct graft_type *type;
	struct graft_error *err = graft_dwarf_type_peel(side->dwarf, number,
							&number, &type);

	if (err || *ret)
		return err;
	if (depth > DEPTH_MAX || number == side->number) {
		*ret = true;
		return NULL;
	}
	if (is_aggregate(type) && type->name[0]) {
		*ret = strcmp(type->name, side->type->name) == 0;
		return NULL;
	}
	switch (type->kind) {
	case GRAFT_TYPE_IS_POINTER:
	case GRAFT_TYPE_IS_MEMBER_POINTER:
	case GRAFT_TYPE_IS_ARRAY:
	case GRAFT_TYPE_IS_FUNCTION:
		err = names(side, type->target, depth + 1, ret);
		break;
	case GRAFT_TYPE_IS_ODD:
		*ret = true;
		break;
	default:
		break;
	}
	for (size_t i = 0; !err && !*ret && i < type->member_count; i++)
		err = names(side, type->members[i].type, depth + 1, ret);
	return err;
}

/** Say whether a variable names the type. */
static struct graft_error *
any_variable_names(const struct side *side, bool *ret)
{
	uint32_t count = graft_dwarf_subject_count(side->dwarf);
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && !*ret && i < count; i++) {
		uint32_t type;
		if (graft_dwarf_subject(side->dwarf, i)->is_function)
			continue;
		err = graft_dwarf_subject_type(side->dwarf, i, &type);
		if (!err)
			err = names(side, type, 0, ret);
	}
	return err;
}

/** Say whether a type that has a name names the type, or another one has the same
 * name and looks different. */
static struct graft_error *
does_type_name(const struct side *side, const struct graft_named_type *named,
	       bool *ret)
{
	const struct graft_type *type;
	uint32_t number;
	struct graft_error *err = graft_dwarf_type_of(side->dwarf, named,
						      &number);
	bool alias = named->kind == GRAFT_TYPE_IS_TYPEDEF;

	if (!err)
		err = graft_dwarf_type_peel(side->dwarf, number, &number,
					    &type);
	if (err || named->declaration || type->kind == GRAFT_TYPE_IS_ENUM ||
	    number == side->number)
		return err;
	if (!alias && strcmp(type->name, side->type->name) == 0) {
		// The same, as another unit defines it.
		bool same = type->kind == side->type->kind &&
			    type->size == side->type->size &&
			    type->member_count == side->type->member_count;
		*ret = !same;
		for (size_t i = 0; same && i < type->member_count; i++)
			*ret |= type->members[i].bit_off !=
				side->type->members[i].bit_off;
		return NULL;
	}
	if (alias && is_aggregate(type) && type->name[0])
		return NULL;
	if (alias && !is_aggregate(type))
		return names(side, number, 1, ret);
	for (size_t i = 0; !err && !*ret && i < type->member_count; i++)
		err = names(side, type->members[i].type, 1, ret);
	return err;
}

static struct graft_error *
any_type_names(const struct side *side, bool *ret)
{
	size_t unit_count;
	struct graft_error *err = NULL;

	(void)graft_dwarf_units(side->dwarf, &unit_count);
	for (uint32_t u = 0; !err && !*ret && u < unit_count; u++) {
		size_t count;
		const struct graft_named_type *list =
			graft_dwarf_types_in(side->dwarf, u, &count);
		for (size_t i = 0; !err && !*ret && i < count; i++)
			err = does_type_name(side, &list[i], ret);
	}
	// No type may name itself either: a list is no local variable.
	for (size_t i = 0; !err && !*ret && i < side->type->member_count; i++)
		err = names(side, side->type->members[i].type, 0, ret);
	return err;
}

/** Say whether a parameter may be the address of an object of the type. */
static struct graft_error *
may_be_given(const struct side *side, const struct graft_locals *locals,
	     bool *ret)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && !*ret && i < locals->count; i++) {
		const struct graft_type *type;
		uint32_t number;
		if (!locals->list[i].parameter)
			continue;
		err = graft_dwarf_type_peel(side->dwarf, locals->list[i].type,
					    &number, &type);
		if (!err && type->kind == GRAFT_TYPE_IS_POINTER)
			err = graft_dwarf_type_peel(side->dwarf, type->target,
						    &number, &type);
		else
			continue;
		if (!err &&
		    (type->kind == GRAFT_TYPE_IS_VOID ||
		     (type->kind == GRAFT_TYPE_IS_BASE && type->size == 1)))
			*ret = true;
		if (!err)
			err = names(side, number, 0, ret);
	}
	return err;
}

/** Say whether a value is, or has in it, an object of the type. */
static struct graft_error *
has_object(const struct side *side, uint32_t number, bool *ret)
{
	const struct graft_type *type;
	struct graft_error *err = graft_dwarf_type_peel(side->dwarf, number,
							&number, &type);

	if (!err && type->kind == GRAFT_TYPE_IS_POINTER)
		return NULL;
	return err ? err : names(side, number, 0, ret);
}

/** Judge one that stays. Its code is the same in both builds, so it knows nothing
 * of what moved; but it may have no object itself. */
static struct graft_error *
judge_unchanged(const struct side *side, const struct graft_func_match *match,
		const struct graft_locals *locals, bool *ret)
{
	bool has = match->other == GRAFT_NONE || match->change ||
		   !match->same_form;
	struct graft_error *err = has_object(side, locals->result, &has);

	for (size_t i = 0; !err && !has && i < locals->count; i++)
		err = has_object(side, locals->list[i].type, &has);
	*ret = !has;
	return err;
}

/** Judge one function that names the type. */
static struct graft_error *
judge_namer(const struct side *side, const struct graft_locals *locals,
	    uint32_t subject, bool *ret)
{
	const struct graft_confined *confined;
	const struct graft_subject *s = graft_dwarf_subject(side->dwarf,
							    subject);
	uint32_t func = graft_code_func_starting(side->code, s->addr);
	bool given = false;

	*ret = false;
	if (func == GRAFT_NONE)
		return NULL;
	if (!side->match[func].carried)
		return judge_unchanged(side, &side->match[func], locals, ret);
	struct graft_error *err = graft_case_confined(side->state->c,
						      side->is_new, &confined);
	// What is returned is given a place, or is an address.
	if (!err)
		err = names(side, locals->result, 0, &given);
	if (!err)
		err = may_be_given(side, locals, &given);
	if (err || (given && !graft_confined_is_given(confined, func)))
		return err;
	*ret = true;
	return NULL;
}

/** Say whether a cast, which no type tells of, may lead any function to an object
 * elsewhere: then it reaches other displacements beyond frames. */
static struct graft_error *
judge_casts(struct graft_case *c, bool *ret)
{
	const struct graft_diff *diff = c->diff;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && *ret && i < diff->carried_count; i++)
		err = graft_types_reach_the_same(c, diff->carried[i], ret);
	return err;
}

/** Judge all functions that name the type. One of them must have an object. */
static struct graft_error *
judge_namers(const struct side *side, bool *ret)
{
	bool owned = false;
	uint32_t count = graft_dwarf_subject_count(side->dwarf);
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && *ret && i < count; i++) {
		GRAFT_CLEANUP(graft_locals_deinit)
		struct graft_locals locals = { 0 };
		bool named = false;
		if (!graft_dwarf_subject(side->dwarf, i)->is_function)
			continue;
		err = graft_dwarf_locals(side->dwarf, i, &locals);
		if (!err)
			err = names(side, locals.result, 0, &named);
		for (size_t k = 0; !err && !named && k < locals.count; k++)
			err = names(side, locals.list[k].type, 0, &named);
		for (size_t k = 0; !err && !owned && k < locals.count; k++)
			err = has_object(side, locals.list[k].type, &owned);
		if (!err && named)
			err = judge_namer(side, &locals, i, ret);
	}
	*ret &= owned;
	return err;
}

/** Say whether only functions name the type on one side. */
static struct graft_error *
is_named_by_functions(const struct side *side, bool *ret)
{
	bool named = !is_aggregate(side->type) || !side->type->name[0] ||
		     side->type->declaration || side->type->virtual_count;
	struct graft_error *err = NULL;

	for (size_t i = 0; i < side->type->member_count; i++)
		named |= side->type->members[i].base;
	if (!named)
		err = any_variable_names(side, &named);
	if (!err && !named)
		err = any_type_names(side, &named);
	*ret = !named;
	return err;
}

static struct graft_error *
find_out(struct graft_types_state *state, const struct graft_type_pair *pair,
	 bool *ret)
{
	const struct graft_diff *diff = state->c->diff;
	struct side o = {
		.state = state,
		.dwarf = state->types->old_dwarf,
		.code = diff->old_code,
		.match = diff->old_match,
	};
	struct side n = {
		.state = state,
		.is_new = true,
		.dwarf = state->types->new_dwarf,
		.code = diff->new_code,
		.match = diff->new_match,
	};
	struct graft_error *err = graft_dwarf_type_peel(o.dwarf, pair->o,
							&o.number, &o.type);

	*ret = false;
	if (!err)
		err = graft_dwarf_type_peel(n.dwarf, pair->n, &n.number,
					    &n.type);
	if (err || strcmp(o.type->name, n.type->name) != 0)
		return err;
	err = is_named_by_functions(&o, ret);
	if (!err && *ret)
		err = is_named_by_functions(&n, ret);
	if (!err && *ret)
		err = judge_namers(&o, ret);
	if (!err && *ret)
		err = judge_namers(&n, ret);
	if (!err && *ret)
		err = judge_casts(state->c, ret);
	return err;
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
		"its layout differs, but all objects of it live in frames of functions that are replaced, as far as types and code show");
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
