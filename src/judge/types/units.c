// SPDX-License-Identifier: Apache-2.0

// The types of the units that carried code comes from. An enumerator may be
// stored in an `int`, where no type leads to its enum, and a struct may only be
// named in a cast, which leaves no trace but that its unit has the type: so what
// a unit defines is compared as a whole. An enum that was renumbered refuses
// and so does any other type that differs unless it was only seen
// in frames.

#include "judge/types/state.h"

#include <stdio.h>
#include <string.h>

/** One unit of each side. */
struct units {
	struct graft_types_state *state;
	struct graft_unit_pair pair;
	const struct graft_named_type *o;
	size_t old_count;
	const struct graft_named_type *n;
	size_t new_count;
};

/** Find an enumerator among the enums without name of OLD's unit. */
static struct graft_error *
find_nameless(const struct units *units, const char *name, int64_t *value_ret,
	      bool *ret)
{
	struct graft_dwarf *dwarf = units->state->types->old_dwarf;

	*ret = false;
	for (size_t i = 0; i < units->old_count; i++) {
		const struct graft_type *type;
		uint32_t number;
		if (units->o[i].kind != GRAFT_TYPE_IS_ENUM ||
		    units->o[i].name[0])
			continue;
		struct graft_error *err =
			graft_dwarf_type_of(dwarf, &units->o[i], &number);
		if (!err)
			err = graft_dwarf_type(dwarf, number, &type);
		if (err)
			return err;
		for (size_t k = 0; k < type->enumerator_count; k++) {
			if (strcmp(type->enumerators[k].name, name) == 0) {
				*value_ret = type->enumerators[k].value;
				*ret = true;
				return NULL;
			}
		}
	}
	return NULL;
}

/** Say whether numbers went from one name to another. An enum without name may
 * as well be a list of limits, each with a number of its own. */
static bool
numbers_moved(const struct graft_type *o, const struct graft_type *n)
{
	for (size_t i = 0; i < o->enumerator_count; i++) {
		const struct graft_enumerator *was = &o->enumerators[i];
		for (size_t k = 0; k < n->enumerator_count; k++) {
			const struct graft_enumerator *is = &n->enumerators[k];
			if (was->value == is->value &&
			    strcmp(was->name, is->name) != 0)
				return true;
		}
	}
	return false;
}

/** Compare an enum without name with all of OLD's unit: by its enumerators. */
static struct graft_error *
check_nameless(const struct units *units, uint32_t number)
{
	struct graft_comparer *comparer = &units->state->comparer;
	const struct graft_type *n;
	struct graft_type old_type = { .kind = GRAFT_TYPE_IS_ENUM, .name = "" };
	struct graft_type_pair pair = {
		GRAFT_DWARF_NONE, number, GRAFT_TYPE_LIVES, { "an enum", "" }
	};
	struct graft_error *err = graft_dwarf_type(comparer->new_dwarf, number,
						   &n);

	if (err)
		return err;
	GRAFT_FREE struct graft_enumerator *list =
		calloc(n->enumerator_count + 1, sizeof(*list));
	if (!list)
		return graft_error_no_memory();
	old_type.enumerators = list;
	old_type.size = n->size;
	for (size_t i = 0; !err && i < n->enumerator_count; i++) {
		int64_t value;
		bool found;
		err = find_nameless(units, n->enumerators[i].name, &value,
				    &found);
		if (!err && found)
			list[old_type.enumerator_count++] =
				(struct graft_enumerator){
					n->enumerators[i].name, value
				};
	}
	if (err || !numbers_moved(&old_type, n))
		return err;
	return graft_comparer_enums(comparer, &pair, &old_type, n);
}

/** Say whether two entries have one name and kind. */
static bool
is_named_alike(const struct graft_named_type *a,
	       const struct graft_named_type *b)
{
	return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

/**
 * Find the type of OLD's unit with the name and kind of one of NEW's. Blocks of
 * one function may each have one of a name: they come in the same order.
 *
 * @param[in] at Index in NEW's unit.
 * @param[out] count_ret How many there are that are no declarations, on the side
 * that has more.
 */
static const struct graft_named_type *
find_like(const struct units *units, size_t at, size_t *count_ret)
{
	const struct graft_named_type *n = &units->n[at];
	const struct graft_named_type *like = NULL;
	size_t before = 0;
	size_t new_count = 0;

	*count_ret = 0;
	for (size_t i = 0; i < units->new_count; i++) {
		bool alike = is_named_alike(&units->n[i], n) &&
			     !units->n[i].declaration;
		before += alike && i < at;
		new_count += alike;
	}
	for (size_t i = 0; i < units->old_count; i++) {
		const struct graft_named_type *o = &units->o[i];
		if (!is_named_alike(o, n) || (o->declaration && like))
			continue;
		if (!like || like->declaration || *count_ret == before)
			like = o;
		*count_ret += !o->declaration;
	}
	if (*count_ret < new_count)
		*count_ret = new_count;
	return like;
}

/** The same in what several units of OLD share; NULL if it is not there. */
static struct graft_error *
find_shared(const struct units *units, const struct graft_named_type *n,
	    const struct graft_named_type **ret)
{
	struct graft_dwarf *dwarf = units->state->types->old_dwarf;
	const struct graft_named_type *list;
	size_t count;
	size_t unit_count;
	const struct graft_unit *all = graft_dwarf_units(dwarf, &unit_count);
	struct graft_error *err = graft_dwarf_types_named(dwarf, n->name, &list,
							  &count);

	*ret = NULL;
	for (size_t i = 0; !err && !*ret && i < count; i++) {
		if (list[i].kind == n->kind && !list[i].declaration &&
		    all[list[i].unit].shared)
			*ret = &list[i];
	}
	return err;
}

static struct graft_error *
add_unit_types(const struct units *units, struct graft_comparer *quiet)
{
	struct graft_types *types = units->state->types;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < units->new_count; i++) {
		const struct graft_named_type *n = &units->n[i];
		uint32_t old_number;
		uint32_t new_number;
		if (n->declaration)
			continue;
		err = graft_dwarf_type_of(types->new_dwarf, n, &new_number);
		if (!err && n->kind == GRAFT_TYPE_IS_ENUM && !n->name[0]) {
			err = check_nameless(units, new_number);
			continue;
		}
		size_t alike;
		const struct graft_named_type *o = find_like(units, i, &alike);
		// One name of several types: instances of an alias template.
		// What they stand for is compared by its own name.
		if (!err && n->kind == GRAFT_TYPE_IS_TYPEDEF && alike > 1)
			continue;
		if (!err && (!o || o->declaration))
			err = find_shared(units, n, &o);
		if (err)
			break;
		struct graft_type_way way = { "what its unit defines", "" };
		if (!o || o->declaration) {
			// Other units of OLD may have it.
			types->all_same = false;
			err = graft_comparer_add(quiet, 0, new_number,
						 GRAFT_TYPE_FRESH, way);
			continue;
		}
		if (!err)
			err = graft_dwarf_type_of(types->old_dwarf, o,
						  &old_number);
		if (!err)
			err = graft_comparer_add(quiet, old_number, new_number,
						 GRAFT_TYPE_LIVES, way);
		if (!err && n->kind == GRAFT_TYPE_IS_ENUM)
			err = graft_comparer_add(&units->state->comparer,
						 old_number, new_number,
						 GRAFT_TYPE_LIVES, way);
	}
	return err;
}

/** Compare the types of one unit that several share with OLD's of their name. */
static struct graft_error *
add_shared_unit(struct graft_types_state *state, uint32_t unit,
		struct graft_comparer *quiet)
{
	struct graft_types *types = state->types;
	const struct graft_type_way way = { "what several units share", "" };
	size_t count;
	const struct graft_named_type *list =
		graft_dwarf_types_in(types->new_dwarf, unit, &count);
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < count; i++) {
		bool is_enum = list[i].kind == GRAFT_TYPE_IS_ENUM;
		const struct graft_named_type *old;
		size_t old_count;
		uint32_t o;
		uint32_t n;
		if (list[i].declaration)
			continue;
		err = graft_dwarf_type_of(types->new_dwarf, &list[i], &n);
		if (!err && !list[i].name[0]) {
			// Nobody can say which one of OLD it was.
			types->all_same = false;
			continue;
		}
		if (!err && !is_enum)
			err = graft_comparer_add(quiet, 0, n, GRAFT_TYPE_FRESH,
						 way);
		if (!err)
			err = graft_dwarf_types_named(types->old_dwarf,
						      list[i].name, &old,
						      &old_count);
		for (size_t k = 0; !err && is_enum && k < old_count; k++) {
			if (old[k].kind != GRAFT_TYPE_IS_ENUM ||
			    old[k].declaration)
				continue;
			err = graft_dwarf_type_of(types->old_dwarf, &old[k],
						  &o);
			if (!err)
				err = graft_comparer_add(&state->comparer, o, n,
							 GRAFT_TYPE_LIVES, way);
		}
	}
	return err;
}

/** The same for all such units: type units, and what dwz put together. It is not
 * asked who of the units of carried code shares them. */
static struct graft_error *
add_shared_types(struct graft_types_state *state, struct graft_comparer *quiet)
{
	size_t count;
	const struct graft_unit *units =
		graft_dwarf_units(state->types->new_dwarf, &count);
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < count; i++) {
		if (units[i].shared)
			err = add_shared_unit(state, (uint32_t)i, quiet);
	}
	return err;
}

/** Write the name and place of a type of NEW. */
static struct graft_error *
write_type(struct graft_types_state *state, uint32_t number, char *buf,
	   size_t len)
{
	struct graft_type_text text;
	char place[128];
	struct graft_error *err = graft_type_print(state->types->new_dwarf,
						   number, &text);

	if (err)
		return err;
	graft_dwarf_type_place(state->types->new_dwarf, number,
			       GRAFT_DWARF_NONE, place, sizeof(place));
	(void)snprintf(buf, len, "%.120s%s%.120s", text.str,
		       place[0] ? " at " : "", place);
	return NULL;
}

/** Refuse a type that differs and to which only a cast may lead. */
static struct graft_error *
refuse_cast(struct graft_types_state *state, const struct graft_comparer *quiet)
{
	char where[300];
	struct graft_error *err = write_type(state, quiet->first.n, where,
					     sizeof(where));

	if (err)
		return err;
	state->comparer.differences++;
	return graft_case_refuse(
		state->c, GRAFT_RULE_LAYOUT, where,
		"%s; the source of carried code has this type, and a cast may lead to it",
		quiet->sentence);
}

/** Say that OLD does not have a type to which only a cast may lead. */
static struct graft_error *
note_fresh(struct graft_types_state *state, const struct graft_comparer *quiet)
{
	char where[300];
	struct graft_error *err = write_type(state, quiet->first_unseen, where,
					     sizeof(where));

	if (err)
		return err;
	return graft_case_note(
		state->c, GRAFT_RULE_LAYOUT, where,
		"OLD has no type of this name, and a cast may take objects of OLD for it: decided from code instead");
}

struct graft_error *
graft_types_check_units(struct graft_types_state *state)
{
	struct graft_types *types = state->types;
	struct graft_comparer quiet = {
		.c = state->c,
		.old_dwarf = types->old_dwarf,
		.new_dwarf = types->new_dwarf,
		.quiet = true,
		.arrays = state->comparer.arrays,
		.frames = &state->comparer,
	};
	struct graft_error *err = NULL;

	types->all_same = true;
	for (size_t i = 0; !err && i < state->unit_count; i++) {
		struct units units = { .state = state,
				       .pair = state->units[i] };
		units.o = graft_dwarf_types_in(
			types->old_dwarf, state->units[i].o, &units.old_count);
		units.n = graft_dwarf_types_in(
			types->new_dwarf, state->units[i].n, &units.new_count);
		err = add_unit_types(&units, &quiet);
	}
	if (!err)
		err = add_shared_types(state, &quiet);
	if (!err)
		err = graft_comparer_run(&quiet);
	types->all_same = types->all_same && quiet.differences == 0 &&
			  quiet.framed == 0 && quiet.fresh == 0 &&
			  quiet.unknown == 0;
	types->cast_is_new = quiet.unseen > 0;
	if (!err && quiet.differences > 0 && state->comparer.differences == 0)
		err = refuse_cast(state, &quiet);
	if (!err && quiet.unseen > 0)
		err = note_fresh(state, &quiet);
	graft_comparer_deinit(&quiet);
	return err;
}
