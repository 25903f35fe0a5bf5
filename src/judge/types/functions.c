// SPDX-License-Identifier: Apache-2.0

// What carried functions take, return and have. R-09 by types, for those that
// callers reach of which the builds show nothing.

#include "base/vec.h"
#include "judge/flow/frame.h"
#include "judge/types/state.h"

#include <stdio.h>
#include <string.h>

/** A carried function and what debug information says of it. */
struct both {
	/** Functions of the code; OLD's is #GRAFT_NONE if it was added. */
	uint32_t old_func;
	uint32_t new_func;
	/** Subjects, or #GRAFT_DWARF_NONE. */
	uint32_t o;
	uint32_t n;
	struct graft_locals was;
	struct graft_locals is;
	/** One of them takes an address in its frame: whoever gets it may keep
	 * what stands there, whatever type it takes it for. */
	bool gives_frame;
};

static void
both_deinit(struct both *both)
{
	graft_locals_deinit(&both->was);
	graft_locals_deinit(&both->is);
}

struct graft_error *
graft_types_gap(struct graft_types_state *state, const char *where,
		const char *sentence)
{
	state->types->complete = false;
	if (state->gaps++ >= 3)
		return NULL;
	return graft_case_note(state->c, GRAFT_RULE_LAYOUT, where, "%s",
			       sentence);
}

/** Say that a function has no types. */
static struct graft_error *
add_gap(struct graft_types_state *state, struct graft_dwarf *dwarf,
	const struct graft_code *code, uint32_t func)
{
	uint64_t addr = code->funcs[func].addr;
	struct graft_place_text where = graft_place_code(code, func, addr);
	uint32_t unit = graft_dwarf_unit_at(dwarf, addr);
	size_t count;
	const struct graft_unit *units = graft_dwarf_units(dwarf, &count);
	char text[300];

	(void)snprintf(
		text, sizeof(text),
		"%s has no types of it (%s%.120s): decided from code instead",
		dwarf == state->types->old_dwarf ? "OLD" : "NEW",
		unit == GRAFT_DWARF_NONE ? "a unit without debug information"
					 : "unit ",
		unit == GRAFT_DWARF_NONE ? "" : units[unit].name);
	return graft_types_gap(state, where.str, text);
}

/** Say whether types were written down for a function: a unit for lines only has
 * the function, and nothing of it. */
static bool
is_described(const struct graft_dwarf *dwarf, uint32_t subject,
	     const struct graft_locals *locals)
{
	return locals->count || locals->result != GRAFT_TYPE_VOID ||
	       graft_dwarf_unit_has_types(
		       dwarf, graft_dwarf_subject(dwarf, subject)->unit);
}

/** Remember the units of two functions. */
static struct graft_error *
add_units(struct graft_types_state *state, const struct both *both)
{
	uint32_t o =
		graft_dwarf_subject(state->types->old_dwarf, both->o)->unit;
	uint32_t n =
		graft_dwarf_subject(state->types->new_dwarf, both->n)->unit;

	if (o == GRAFT_DWARF_NONE || n == GRAFT_DWARF_NONE)
		return NULL;
	size_t count;
	state->types->aligns &=
		!graft_dwarf_units(state->types->old_dwarf, &count)[o]
			 .no_align &&
		!graft_dwarf_units(state->types->new_dwarf, &count)[n].no_align;
	for (size_t i = 0; i < state->unit_count; i++) {
		if (state->units[i].o == o && state->units[i].n == n)
			return NULL;
	}
	struct graft_error *err =
		graft_vec_reserve(&state->units, &state->unit_cap,
				  state->unit_count + 1, sizeof(*state->units));
	if (!err)
		state->units[state->unit_count++] =
			(struct graft_unit_pair){ o, n };
	return err;
}

static bool
has_unseen_callers(const struct graft_case *c, const struct both *both)
{
	const struct graft_graph *o = c->old_graph;
	const struct graft_graph *n = c->new_graph;

	return o->escapes[both->old_func] || o->taken[both->old_func] ||
	       n->escapes[both->new_func] || n->taken[both->new_func];
}

/** Find the parameter at a place, or NULL. */
static const struct graft_local *
parameter_at(const struct graft_locals *locals, size_t place)
{
	for (size_t i = 0; i < locals->count; i++) {
		if (locals->list[i].parameter && place-- == 0)
			return &locals->list[i];
	}
	return NULL;
}

/** Say whether a function may return something now and did not before: callers
 * that stay do not look. Not what is returned in memory. */
static struct graft_error *
only_returns_more(struct graft_types_state *state, const struct both *both,
		  bool *ret)
{
	const struct graft_type *type;
	uint32_t number;
	struct graft_error *err = graft_dwarf_type_peel(
		state->types->new_dwarf, both->is.result, &number, &type);

	*ret = !err && both->was.result == GRAFT_TYPE_VOID &&
	       type->kind != GRAFT_TYPE_IS_STRUCT &&
	       type->kind != GRAFT_TYPE_IS_UNION &&
	       type->kind != GRAFT_TYPE_IS_ODD;
	return err;
}

/** Write which types stand for each other. */
static struct graft_error *
describe(struct graft_types_state *state, const char *what, uint32_t o,
	 uint32_t n, char *buf, size_t len)
{
	struct graft_type_text was;
	struct graft_type_text is;
	struct graft_error *err = graft_comparer_print(&state->comparer, o, n,
						       &was, &is);

	if (!err)
		(void)snprintf(buf, len, "%.120s was %s and is %s", what,
			       was.str, is.str);
	return err;
}

/** Compare signatures. @param[out] buf What differs; "" if nothing does. */
static struct graft_error *
compare_signatures(struct graft_types_state *state, const struct both *both,
		   char *buf, size_t len)
{
	struct graft_comparer *comparer = &state->comparer;
	const char *name =
		graft_dwarf_subject(state->types->new_dwarf, both->n)->name;
	struct graft_type_way way = { "its result", name };
	bool same = true;
	bool more = false;
	struct graft_error *err = only_returns_more(state, both, &more);

	buf[0] = '\0';
	if (!err && !more)
		err = graft_comparer_same_value(comparer, both->was.result,
						both->is.result, way, &same);
	if (!err && !same)
		return describe(state, "its result", both->was.result,
				both->is.result, buf, len);
	for (size_t i = 0; !err; i++) {
		const struct graft_local *o = parameter_at(&both->was, i);
		const struct graft_local *n = parameter_at(&both->is, i);
		char what[120];
		if (!o && !n)
			break;
		if (!o || !n) {
			(void)snprintf(buf, len, "%s parameter %zu, %.80s",
				       n ? "it has a new" : "it no longer has",
				       i + 1, n ? n->name : o->name);
			return NULL;
		}
		way.name = n->name;
		err = graft_comparer_same_value(comparer, o->type, n->type, way,
						&same);
		(void)snprintf(what, sizeof(what), "parameter %zu, %.80s,",
			       i + 1, n->name);
		if (!err && !same)
			return describe(state, what, o->type, n->type, buf,
					len);
	}
	if (!err && both->was.variadic != both->is.variadic)
		(void)snprintf(buf, len, "it %s more arguments than it names",
			       both->is.variadic ? "takes" : "no longer takes");
	return err;
}

static struct graft_error *
judge_signature(struct graft_types_state *state, const struct both *both)
{
	const struct graft_code *code = state->c->diff->new_code;
	char text[480];

	if (code->funcs[both->new_func].group != both->new_func)
		return NULL;
	struct graft_error *err = compare_signatures(state, both, text,
						     sizeof(text));
	if (err || !text[0])
		return err;
	struct graft_place_text where = graft_place_code(
		code, both->new_func, code->funcs[both->new_func].addr);
	return graft_case_refuse(state->c, GRAFT_RULE_SIGNATURE, where.str,
				 "%s, and callers that stay do not know", text);
}

static bool
same_place(const struct graft_local *a, const struct graft_local *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->scope, b->scope) == 0;
}

/** Say whether a function takes an address in its frame. */
static struct graft_error *
takes_frame(const struct graft_code *code, uint32_t func, bool *ret)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct graft_error *err = graft_ops_read(code, func, &ops);

	*ret |= !err && graft_frame_is_given(&ops);
	return err;
}

/** Find the struct or union that a local is, or is an array of; or 0.
 *
 * @param[out] name_ret Its name, or "". */
static struct graft_error *
find_aggregate(struct graft_dwarf *dwarf, uint32_t type, uint32_t *ret,
	       const char **name_ret)
{
	const struct graft_type *peeled;
	struct graft_error *err = graft_dwarf_type_peel(dwarf, type, ret,
							&peeled);

	while (!err && peeled->kind == GRAFT_TYPE_IS_ARRAY)
		err = graft_dwarf_type_peel(dwarf, peeled->target, ret,
					    &peeled);
	if (err)
		return err;
	if (peeled->kind != GRAFT_TYPE_IS_STRUCT &&
	    peeled->kind != GRAFT_TYPE_IS_UNION)
		*ret = 0;
	*name_ret = peeled->name;
	return NULL;
}

/** Put in two locals of one name. Where their address may get about, what they are
 * made of lives as long as whoever got it likes. */
static struct graft_error *
add_locals(struct graft_types_state *state, const struct both *both,
	   const struct graft_local *o, const struct graft_local *n,
	   struct graft_type_way way)
{
	struct graft_error *err = graft_comparer_add(
		&state->comparer, o->type, n->type, GRAFT_TYPE_IN_FRAME, way);
	uint32_t was = 0;
	uint32_t is = 0;
	const char *was_name = "";
	const char *is_name = "";

	if (!err && both->gives_frame)
		err = find_aggregate(state->types->old_dwarf, o->type, &was,
				     &was_name);
	if (!err && was)
		err = find_aggregate(state->types->new_dwarf, n->type, &is,
				     &is_name);
	// Two variables of two blocks may have one name.
	if (err || !was || !is || strcmp(was_name, is_name) != 0)
		return err;
	return graft_comparer_add(&state->comparer, was, is, GRAFT_TYPE_LIVES,
				  way);
}

/** Put in a local of NEW with every local of OLD that has its name. */
static struct graft_error *
add_local(struct graft_types_state *state, const struct both *both,
	  const struct graft_local *n)
{
	struct graft_type_way way = {
		n->name,
		graft_dwarf_subject(state->types->new_dwarf, both->n)->name
	};
	struct graft_error *err = NULL;
	bool any = false;

	for (size_t i = 0; !err && n->name[0] && i < both->was.count; i++) {
		const struct graft_local *o = &both->was.list[i];
		if (!same_place(o, n))
			continue;
		any = true;
		err = add_locals(state, both, o, n, way);
	}
	if (err || any)
		return err;
	return graft_comparer_add(&state->comparer, 0, n->type,
				  GRAFT_TYPE_FRESH_IN_FRAME, way);
}

static struct graft_error *
add_pair(struct graft_types_state *state, struct both *both)
{
	struct graft_types *types = state->types;
	struct graft_error *err = graft_dwarf_locals(types->new_dwarf, both->n,
						     &both->is);
	bool twins = both->o != GRAFT_DWARF_NONE;

	if (!err && twins)
		err = graft_dwarf_locals(types->old_dwarf, both->o, &both->was);
	if (!err && !is_described(types->new_dwarf, both->n, &both->is))
		return add_gap(state, types->new_dwarf,
			       state->c->diff->new_code, both->new_func);
	if (!err && twins &&
	    !is_described(types->old_dwarf, both->o, &both->was))
		return add_gap(state, types->old_dwarf,
			       state->c->diff->old_code, both->old_func);
	if (!err && twins)
		err = add_units(state, both);
	if (!err && twins)
		err = takes_frame(state->c->diff->old_code, both->old_func,
				  &both->gives_frame);
	if (!err && twins)
		err = takes_frame(state->c->diff->new_code, both->new_func,
				  &both->gives_frame);
	if (!err && twins && has_unseen_callers(state->c, both))
		err = judge_signature(state, both);
	for (size_t i = 0; !err && i < both->is.count; i++)
		err = add_local(state, both, &both->is.list[i]);
	if (!err && twins)
		err = graft_comparer_add(
			&state->comparer, both->was.result, both->is.result,
			GRAFT_TYPE_IN_FRAME,
			(struct graft_type_way){
				"its result",
				graft_dwarf_subject(types->new_dwarf, both->n)
					->name });
	return err;
}

static struct graft_error *
add_function(struct graft_types_state *state, uint32_t new_func)
{
	const struct graft_diff *diff = state->c->diff;
	struct graft_types *types = state->types;
	GRAFT_CLEANUP(both_deinit)
	struct both both = { .new_func = new_func };
	struct graft_error *err = NULL;

	both.old_func = diff->new_match[new_func].other;
	both.o = GRAFT_DWARF_NONE;
	both.n = graft_dwarf_function_at(types->new_dwarf,
					 diff->new_code->funcs[new_func].addr);
	if (both.old_func != GRAFT_NONE)
		both.o = graft_dwarf_function_at(
			types->old_dwarf,
			diff->old_code->funcs[both.old_func].addr);
	if (both.n == GRAFT_DWARF_NONE)
		err = add_gap(state, types->new_dwarf, diff->new_code,
			      new_func);
	if (!err && both.old_func != GRAFT_NONE && both.o == GRAFT_DWARF_NONE)
		err = add_gap(state, types->old_dwarf, diff->old_code,
			      both.old_func);
	if (err || both.n == GRAFT_DWARF_NONE)
		return err;
	return add_pair(state, &both);
}

struct graft_error *
graft_types_add_functions(struct graft_types_state *state)
{
	const struct graft_diff *diff = state->c->diff;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < diff->carried_count; i++)
		err = add_function(state, diff->carried[i]);
	return err;
}

struct graft_error *
graft_types_settle_signature(const struct graft_case *c, uint32_t old_func,
			     uint32_t new_func, bool *ret)
{
	struct graft_types_state state = { .c = (struct graft_case *)c,
					   .types = c->types };
	GRAFT_CLEANUP(both_deinit)
	struct both both = { .old_func = old_func, .new_func = new_func };
	char text[480];

	*ret = false;
	if (!c->types)
		return NULL;
	both.o = graft_dwarf_function_at(
		c->types->old_dwarf, c->diff->old_code->funcs[old_func].addr);
	both.n = graft_dwarf_function_at(
		c->types->new_dwarf, c->diff->new_code->funcs[new_func].addr);
	if (both.o == GRAFT_DWARF_NONE || both.n == GRAFT_DWARF_NONE)
		return NULL;
	state.comparer = (struct graft_comparer){
		.c = state.c,
		.old_dwarf = c->types->old_dwarf,
		.new_dwarf = c->types->new_dwarf,
		.quiet = true,
	};
	struct graft_error *err = graft_dwarf_locals(c->types->new_dwarf,
						     both.n, &both.is);
	if (!err)
		err = graft_dwarf_locals(c->types->old_dwarf, both.o,
					 &both.was);
	bool known = !err &&
		     is_described(c->types->new_dwarf, both.n, &both.is) &&
		     is_described(c->types->old_dwarf, both.o, &both.was);
	if (known)
		err = compare_signatures(&state, &both, text, sizeof(text));
	*ret = known && !err && state.comparer.unknown == 0;
	graft_comparer_deinit(&state.comparer);
	return err;
}
