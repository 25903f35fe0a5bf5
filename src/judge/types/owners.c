// SPDX-License-Identifier: Apache-2.0

// Which functions have objects of a struct in their frames, and which name it.

#include "base/vec.h"
#include "judge/types/frames.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

enum {
	/** Arrays in arrays. */
	DEPTH_MAX = 12,
	/** Registers of arguments. */
	ARGUMENTS = 6,
};

void
graft_frames_side_deinit(struct graft_frames_side *side)
{
	for (size_t i = 0; side->frames && i < side->code->func_count; i++)
		free(side->frames[i].vars);
	free(side->frames);
	free(side->roots);
	free(side->closed);
	free(side->given);
	free(side->members);
}

/** Get the bytes of a value of some type; 0 if unknown. */
static struct graft_error *
size_of(struct graft_dwarf *dwarf, uint32_t number, int depth, uint64_t *ret)
{
	const struct graft_type *type;
	struct graft_error *err = graft_dwarf_type_peel(dwarf, number, &number,
							&type);
	uint64_t one = 0;

	*ret = 0;
	if (err || depth > DEPTH_MAX)
		return err;
	*ret = type->size;
	if (type->kind == GRAFT_TYPE_IS_POINTER)
		*ret = 8;
	if (type->kind != GRAFT_TYPE_IS_ARRAY || type->size)
		return NULL;
	err = size_of(dwarf, type->target, depth + 1, &one);
	if (!err && one && type->elements < UINT32_MAX / one)
		*ret = one * type->elements;
	return err;
}

static void
fail(struct graft_frames_side *side, uint32_t func, const char *fault)
{
	if (side->fault)
		return;
	side->fault = fault;
	side->fault_func = func;
}

/** Collect the members: numbers, pointers and arrays of them. */
static struct graft_error *
collect_members(struct graft_frames_side *side)
{
	const struct graft_type *type = side->type;
	struct graft_error *err = NULL;

	side->members = calloc(type->member_count + 1, sizeof(*side->members));
	if (!side->members)
		return graft_error_no_memory();
	for (size_t i = 0; !err && i < type->member_count; i++) {
		const struct graft_member *member = &type->members[i];
		struct graft_confined_member *m = &side->members[i];
		const struct graft_type *of;
		uint32_t number = member->type;
		err = size_of(side->dwarf, number, 0, &m->size);
		if (!err)
			err = graft_dwarf_type_peel(side->dwarf, number,
						    &number, &of);
		for (int k = 0;
		     !err && k < DEPTH_MAX && of->kind == GRAFT_TYPE_IS_ARRAY;
		     k++)
			err = graft_dwarf_type_peel(side->dwarf, of->target,
						    &number, &of);
		if (err)
			return err;
		m->name = member->name;
		m->off = member->bit_off / 8;
		bool plain = of->kind == GRAFT_TYPE_IS_BASE ||
			     of->kind == GRAFT_TYPE_IS_ENUM ||
			     of->kind == GRAFT_TYPE_IS_POINTER;
		if (!plain || !m->size || !m->name[0] || member->bit_size ||
		    member->bit_off % 8 || member->base || member->dynamic)
			fail(side, GRAFT_NONE,
			     "a member is no number or pointer");
	}
	return err;
}

/** Say whether a type is the one that is asked about. */
static struct graft_error *
is_object(const struct graft_frames_side *side, uint32_t number, bool *ret)
{
	const struct graft_type *type;
	struct graft_error *err = graft_dwarf_type_peel(side->dwarf, number,
							&number, &type);

	*ret = !err && type->kind == side->type->kind &&
	       strcmp(type->name, side->type->name) == 0;
	if (*ret && type->size != side->type->size)
		*ret = false;
	return err;
}

/** Say whether a value is, or has in it, an object. */
static struct graft_error *
has_object(const struct graft_frames_side *side, uint32_t number, bool *ret)
{
	const struct graft_type *type;
	struct graft_error *err = graft_dwarf_type_peel(side->dwarf, number,
							&number, &type);

	if (err || type->kind == GRAFT_TYPE_IS_POINTER)
		return err;
	return graft_frames_names(side, number, 0, ret);
}

/** Say whether another entry says where a local stands that an entry for all
 * copies of the function has. */
static bool
is_elsewhere(const struct graft_locals *locals, const struct graft_local *local)
{
	for (size_t i = 0; i < locals->count; i++) {
		if (!locals->list[i].abstract &&
		    strcmp(locals->list[i].name, local->name) == 0)
			return true;
	}
	return false;
}

/** Add a local variable to those of its frame. */
static struct graft_error *
add_local(struct graft_frames_side *side, uint32_t func,
	  const struct graft_locals *locals, size_t at, size_t *cap)
{
	struct graft_confined_frame *frame = &side->frames[func];
	const struct graft_local *local = &locals->list[at];
	struct graft_confined_var var = { .place = local->place,
					  .off = local->place_off };
	bool has = false;
	struct graft_error *err = has_object(side, local->type, &has);

	if (!err)
		err = is_object(side, local->type, &var.object);
	if (!err)
		err = size_of(side->dwarf, local->type, 0, &var.size);
	if (err)
		return err;
	bool placed = local->place != GRAFT_LOCAL_SOMEWHERE;
	if (has && !var.object)
		fail(side, func, "a local has an object in it");
	if (var.object && local->parameter)
		fail(side, func, "an object is handed on by value");
	if (var.object && !placed &&
	    !(local->abstract && is_elsewhere(locals, local)))
		fail(side, func,
		     "an object does not stand at one place of the frame");
	if (!placed || local->abstract)
		return NULL;
	frame->owner |= var.object;
	side->owned |= var.object;
	err = graft_vec_reserve(&frame->vars, cap, frame->count + 1,
				sizeof(*frame->vars));
	if (!err)
		frame->vars[frame->count++] = var;
	return err;
}

/** Say whether a number is no integer, character or truth value. */
static bool
is_real(const struct graft_type *type)
{
	switch (type->encoding) {
	case DW_ATE_boolean:
	case DW_ATE_signed:
	case DW_ATE_signed_char:
	case DW_ATE_unsigned:
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF:
		return false;
	default:
		return true;
	}
}

/** Count the registers of arguments that a function may be given. */
static struct graft_error *
count_arguments(struct graft_frames_side *side, uint32_t func,
		const struct graft_locals *locals)
{
	struct graft_error *err = NULL;
	uint8_t count = 0;
	bool all = locals->variadic;
	bool reals = false;

	for (size_t i = 0; !err && i < locals->count; i++) {
		const struct graft_type *type;
		uint32_t number;
		if (!locals->list[i].parameter)
			continue;
		err = graft_dwarf_type_peel(side->dwarf, locals->list[i].type,
					    &number, &type);
		if (err)
			return err;
		bool one = type->kind == GRAFT_TYPE_IS_POINTER ||
			   ((type->kind == GRAFT_TYPE_IS_BASE ||
			     type->kind == GRAFT_TYPE_IS_ENUM) &&
			    type->size <= 8);
		all |= !one;
		reals |= type->kind == GRAFT_TYPE_IS_BASE && is_real(type);
		count = count < ARGUMENTS ? count + 1 : count;
	}
	const struct graft_type *result;
	uint32_t number;
	err = graft_dwarf_type_peel(side->dwarf, locals->result, &number,
				    &result);
	// The place of what is returned is an argument, too.
	all |= !err && (result->kind == GRAFT_TYPE_IS_STRUCT ||
			result->kind == GRAFT_TYPE_IS_UNION ||
			result->kind == GRAFT_TYPE_IS_ODD);
	reals |= !err && result->kind == GRAFT_TYPE_IS_BASE && is_real(result);
	side->frames[func].argument_count = all ? ARGUMENTS : count;
	side->frames[func].no_vectors = !all && !reals;
	return err;
}

/** Look at one function: what it names, and what stands in its frame. */
static struct graft_error *
collect_function(struct graft_frames_side *side, uint32_t subject,
		 uint32_t func)
{
	GRAFT_CLEANUP(graft_locals_deinit) struct graft_locals locals = { 0 };
	struct graft_error *err = graft_dwarf_locals(side->dwarf, subject,
						     &locals);
	bool result = false;
	bool taken = false;
	bool named = false;
	size_t cap = 0;

	if (!err)
		err = graft_frames_names(side, locals.result, 0, &result);
	if (!err)
		err = count_arguments(side, func, &locals);
	for (size_t i = 0; !err && i < locals.count; i++) {
		bool names = false;
		err = graft_frames_names(side, locals.list[i].type, 0, &names);
		if (!err)
			err = add_local(side, func, &locals, i, &cap);
		taken |= names && locals.list[i].parameter;
		named |= names;
	}
	if (err)
		return err;
	if (result)
		fail(side, func, "a function returns it");
	bool owner = side->frames[func].owner;
	if (owner && !side->match[func].carried)
		fail(side, func, "a function that stays has an object");
	if (owner && !taken)
		side->roots[func] = true;
	else if (named)
		side->given[func] = side->closed[func] = true;
	return NULL;
}

/** Look at all functions that debug information describes. */
static struct graft_error *
collect_functions(struct graft_frames_side *side)
{
	uint32_t count = graft_dwarf_subject_count(side->dwarf);
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < count; i++) {
		const struct graft_subject *s = graft_dwarf_subject(side->dwarf,
								    i);
		if (!s->is_function)
			break;
		uint32_t func = graft_code_func_starting(side->code, s->addr);
		if (func != GRAFT_NONE && !side->frames[func].count)
			err = collect_function(side, i, func);
	}
	return err;
}

/** Find the function that is entered where a part of it is. */
static uint32_t
head_of(const struct graft_frames_side *side, uint32_t func)
{
	uint32_t subject = graft_dwarf_function_at(
		side->dwarf, side->code->funcs[func].addr);
	uint32_t head = GRAFT_NONE;

	if (subject != GRAFT_DWARF_NONE)
		head = graft_code_func_starting(
			side->code,
			graft_dwarf_subject(side->dwarf, subject)->addr);
	return head == GRAFT_NONE ? func : head;
}

/** Say whether the source of a function may know the type. */
static bool
may_know(const struct graft_frames_side *side, uint32_t func)
{
	uint32_t subject = graft_dwarf_function_at(
		side->dwarf, side->code->funcs[func].addr);
	size_t unit_count;
	const struct graft_unit *units = graft_dwarf_units(side->dwarf,
							   &unit_count);

	if (subject == GRAFT_DWARF_NONE)
		return true;
	uint32_t unit = graft_dwarf_subject(side->dwarf, subject)->unit;
	if (unit == GRAFT_DWARF_NONE)
		return true;
	for (size_t i = 0; i < unit_count; i++) {
		if (units[i].shared)
			return true;
	}
	size_t count;
	const struct graft_named_type *list =
		graft_dwarf_types_in(side->dwarf, unit, &count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].name, side->type->name) == 0)
			return true;
	}
	return false;
}

/** Let all be looked at that calls a function of which each call matters, or takes
 * its address: what anybody may call as such, of the others each call. */
static bool
add_callers(struct graft_frames_side *side, uint32_t func)
{
	const struct graft_graph *graph = side->graph;
	bool more = false;

	for (size_t i = graph->first[func]; i < graph->first[func + 1]; i++) {
		uint32_t caller = head_of(side, graph->edges[i].caller);
		if (side->closed[caller] || side->roots[caller])
			continue;
		bool anybody = graph->escapes[caller] ||
			       graph->first[caller] == graph->first[caller + 1];
		side->roots[caller] = anybody;
		side->closed[caller] = !anybody;
		more |= !anybody;
	}
	return more;
}

/** Find all that is to be looked at: with what calls the functions that are handed
 * objects, all that is carried and may lead to one by a cast. */
static void
collect_roots(struct graft_frames_side *side)
{
	bool more = true;

	while (more) {
		more = false;
		for (uint32_t i = 0; i < side->code->func_count; i++) {
			if (side->closed[i])
				more |= add_callers(side, i);
		}
	}
	for (uint32_t i = 0; i < side->code->func_count; i++) {
		uint32_t head = head_of(side, i);
		if (side->match[i].carried && !side->closed[head] &&
		    may_know(side, i))
			side->roots[head] = true;
	}
}

struct graft_error *
graft_frames_collect(struct graft_frames_side *side)
{
	size_t room = side->code->func_count + 1;

	side->frames = calloc(room, sizeof(*side->frames));
	side->roots = calloc(room, sizeof(*side->roots));
	side->closed = calloc(room, sizeof(*side->closed));
	side->given = calloc(room, sizeof(*side->given));
	if (!side->frames || !side->roots || !side->closed || !side->given)
		return graft_error_no_memory();
	for (uint32_t i = 0; i < side->code->func_count; i++)
		side->frames[i].argument_count = ARGUMENTS;
	struct graft_error *err = collect_members(side);
	if (!err)
		err = collect_functions(side);
	if (!err && !side->owned)
		fail(side, GRAFT_NONE, "no function has an object");
	if (!err)
		collect_roots(side);
	return err;
}
