// SPDX-License-Identifier: Apache-2.0

// The variables that carried code names: what resolves by address must be the
// same by name, and of the same type.

#include "judge/types/state.h"

#include <stdio.h>
#include <string.h>

/** Find where a slot of the GOT leads to in its own module; 0 if elsewhere. */
static uint64_t
behind_slot(const struct graft_image *image, uint64_t slot)
{
	const struct graft_reloc *reloc = graft_image_reloc_at(image, slot);

	if (!reloc)
		return 0;
	if (reloc->type == R_X86_64_RELATIVE && !reloc->symbol)
		return (uint64_t)reloc->addend;
	if (reloc->type != R_X86_64_GLOB_DAT || !reloc->symbol ||
	    !reloc->symbol->defined || reloc->symbol->type != STT_OBJECT)
		return 0;
	return reloc->symbol->addr;
}

/** Say whether a variable belongs to another module, which has its types: a
 * program keeps a copy of it. */
static bool
is_copy(const struct graft_image *image, uint64_t addr)
{
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(image, &count);

	for (size_t i = 0; i < count; i++) {
		if (relocs[i].type == R_X86_64_COPY && relocs[i].symbol &&
		    addr - relocs[i].addr < relocs[i].symbol->size)
			return true;
	}
	return false;
}

static struct graft_error *
gap_at(struct graft_types_state *state, bool old, uint64_t addr)
{
	const struct graft_diff *diff = state->c->diff;
	const struct graft_image *image = old ? diff->old_image
					      : diff->new_image;
	struct graft_place_text where = graft_place_data(image, addr);
	char text[160];

	if (is_copy(image, addr))
		return NULL;
	(void)snprintf(
		text, sizeof(text),
		"%s has no type of this object: decided from code instead",
		old ? "OLD" : "NEW");
	return graft_types_gap(state, where.str, text);
}

/** Refuse an old object that names say is another one. */
static struct graft_error *
refuse_name(struct graft_types_state *state, uint32_t func, uint32_t o,
	    uint32_t n)
{
	const struct graft_code *code = state->c->diff->new_code;
	struct graft_subject_text was =
		graft_subject_print(state->types->old_dwarf, o);
	struct graft_subject_text is =
		graft_subject_print(state->types->new_dwarf, n);
	struct graft_place_text where =
		graft_place_code(code, func, code->funcs[func].addr);

	return graft_case_refuse(
		state->c, GRAFT_RULE_REFERENCE, where.str,
		"by what the code does, %s of NEW is %s of OLD, but their names say otherwise",
		is.str, was.str);
}

/** Say whether names forbid that two variables are the same: one of them has its
 * namesake elsewhere. A variable that got another name, and no namesake, may be
 * it. */
static bool
names_forbid(struct graft_types_state *state, uint32_t o, uint32_t n)
{
	struct graft_types *types = state->types;

	if (graft_subject_is_same(types->old_dwarf, o, types->new_dwarf, n))
		return false;
	uint32_t was = graft_subject_find(&types->new_names, n,
					  &types->old_names);
	uint32_t is = graft_subject_find(&types->old_names, o,
					 &types->new_names);
	return (was != GRAFT_DWARF_NONE &&
		graft_dwarf_subject(types->old_dwarf, was)->addr !=
			graft_dwarf_subject(types->old_dwarf, o)->addr) ||
	       (is != GRAFT_DWARF_NONE &&
		graft_dwarf_subject(types->new_dwarf, is)->addr !=
			graft_dwarf_subject(types->new_dwarf, n)->addr);
}

/** What is known of the variables that two addresses belong to. */
struct pair_of_variables {
	uint32_t o;
	uint32_t n;
	/** Their names say that they are two. */
	bool forbidden;
	/** They are two, but the variables that end there are one. */
	bool end;
};

/**
 * Find the pair of variables that two addresses belong to. Either may be one
 * past an end; both are, or none is.
 *
 * @param[in] may_be_end Only the address is taken.
 */
static struct graft_error *
find_pair(struct graft_types_state *state, uint64_t old_addr, uint64_t new_addr,
	  bool may_be_end, struct pair_of_variables *ret)
{
	struct graft_types *types = state->types;
	struct graft_error *err = NULL;
	bool start_is_two = false;

	*ret = (struct pair_of_variables){ 0 };
	for (int end = 0; !err && end <= may_be_end; end++) {
		uint32_t was;
		uint32_t is;
		err = graft_subject_at(types->old_dwarf, old_addr, end, &was);
		if (!err)
			err = graft_subject_at(types->new_dwarf, new_addr, end,
					       &is);
		if (err)
			break;
		if (end == 0) {
			ret->o = was;
			ret->n = is;
		}
		if (was == GRAFT_DWARF_NONE || is == GRAFT_DWARF_NONE)
			continue;
		ret->forbidden = names_forbid(state, was, is);
		if (!ret->forbidden) {
			ret->o = was;
			ret->n = is;
			ret->end = start_is_two;
			break;
		}
		start_is_two = end == 0;
	}
	return err;
}

/** Put the types of two variables in. */
static struct graft_error *
add_types(struct graft_types_state *state, uint32_t o, uint32_t n)
{
	struct graft_types *types = state->types;
	const struct graft_subject *s = graft_dwarf_subject(types->new_dwarf,
							    n);
	struct graft_type_way way = { s->name, s->scope };
	struct graft_type_text was;
	struct graft_type_text is;
	uint32_t old_type;
	uint32_t new_type;
	bool same = true;
	bool first;
	struct graft_error *err = graft_comparer_first(&state->comparer, o, n,
						       &first);

	if (err || !first)
		return err;
	err = graft_dwarf_subject_type(types->old_dwarf, o, &old_type);
	if (!err)
		err = graft_dwarf_subject_type(types->new_dwarf, n, &new_type);
	if (!err)
		err = graft_comparer_same_value(&state->comparer, old_type,
						new_type, way, &same);
	if (!err && same)
		err = graft_types_check_align(state, o, n);
	if (err || same)
		return err;
	uint64_t old_size;
	uint64_t new_size;
	err = graft_comparer_print(&state->comparer, old_type, new_type, &was,
				   &is);
	if (!err)
		err = graft_subject_size(types->old_dwarf, o, &old_size);
	if (!err)
		err = graft_subject_size(types->new_dwarf, n, &new_size);
	if (err)
		return err;
	struct graft_subject_text where = graft_subject_print(types->new_dwarf,
							      n);
	state->comparer.differences++;
	return graft_case_refuse(
		state->c,
		old_size == new_size ? GRAFT_RULE_LAYOUT : GRAFT_RULE_SIZE,
		where.str,
		"the variable was %s (%llu bytes) and is %s (%llu bytes)",
		was.str, (unsigned long long)old_size, is.str,
		(unsigned long long)new_size);
}

/** Look at one object that carried code names on both sides. */
static struct graft_error *
add_object(struct graft_types_state *state, uint32_t func, uint64_t old_addr,
	   uint64_t new_addr, bool may_be_end)
{
	struct pair_of_variables pair;
	struct graft_error *err = find_pair(state, old_addr, new_addr,
					    may_be_end, &pair);

	if (err)
		return err;
	if (pair.forbidden)
		return refuse_name(state, func, pair.o, pair.n);
	// That the end of one is meant, and not the start of the other, was
	// decided from the code.
	if (pair.o == GRAFT_DWARF_NONE || pair.end)
		err = gap_at(state, true, old_addr);
	if (!err && pair.n == GRAFT_DWARF_NONE)
		err = gap_at(state, false, new_addr);
	if (err || pair.o == GRAFT_DWARF_NONE || pair.n == GRAFT_DWARF_NONE)
		return err;
	return add_types(state, pair.o, pair.n);
}

/** Look at an object that only NEW has. */
static struct graft_error *
add_new_object(struct graft_types_state *state, uint64_t addr)
{
	uint32_t n;
	uint32_t type;
	struct graft_error *err = graft_subject_at(state->types->new_dwarf,
						   addr, false, &n);

	if (err)
		return err;
	if (n == GRAFT_DWARF_NONE)
		return gap_at(state, false, addr);
	const struct graft_subject *s =
		graft_dwarf_subject(state->types->new_dwarf, n);
	err = graft_dwarf_subject_type(state->types->new_dwarf, n, &type);
	if (err)
		return err;
	return graft_comparer_add(&state->comparer, 0, type,
				  GRAFT_TYPE_FRESH_IN_FRAME,
				  (struct graft_type_way){ s->name, s->scope });
}

static bool
is_writable(const struct graft_image *image, uint64_t addr)
{
	const struct graft_section *section = graft_image_section_at(image,
								     addr);

	return section && graft_section_is_writable(section);
}

static struct graft_error *
add_reference(struct graft_types_state *state, const struct graft_resolution *r)
{
	const struct graft_diff *diff = state->c->diff;
	uint64_t new_addr = diff->new_code->refs[r->ref].target;
	uint64_t old_addr = r->old_addr;

	if (r->thing == GRAFT_THING_GOT && r->place == GRAFT_PLACE_OLD) {
		new_addr = behind_slot(diff->new_image, new_addr);
		old_addr = behind_slot(diff->old_image, old_addr);
		if (!new_addr || !old_addr ||
		    !is_writable(diff->new_image, new_addr) ||
		    !is_writable(diff->old_image, old_addr))
			return NULL;
	} else if (r->thing != GRAFT_THING_DATA) {
		return NULL;
	}
	if (r->place == GRAFT_PLACE_OLD)
		return add_object(state, r->func, old_addr, new_addr,
				  diff->new_code->refs[r->ref].kind ==
					  GRAFT_REF_ADDRESS);
	return r->place == GRAFT_PLACE_NEW ? add_new_object(state, new_addr)
					   : NULL;
}

/** Thread-local variables are few; all are compared. */
static struct graft_error *
add_thread_locals(struct graft_types_state *state)
{
	struct graft_types *types = state->types;
	uint32_t count = graft_dwarf_subject_count(types->new_dwarf);
	struct graft_error *err = NULL;

	for (uint32_t n = 0; !err && n < count; n++) {
		if (!graft_dwarf_subject(types->new_dwarf, n)->is_thread_local)
			continue;
		uint32_t o = graft_subject_find(&types->new_names, n,
						&types->old_names);
		if (o != GRAFT_DWARF_NONE)
			err = add_types(state, o, n);
	}
	return err;
}

/** no variable may have another size, whoever names it. */
static struct graft_error *
check_sizes(struct graft_types_state *state)
{
	struct graft_types *types = state->types;
	uint32_t count = graft_dwarf_subject_count(types->new_dwarf);
	struct graft_error *err = NULL;

	for (uint32_t n = 0; !err && n < count; n++) {
		const struct graft_subject *s =
			graft_dwarf_subject(types->new_dwarf, n);
		uint64_t was = 0;
		uint64_t is = 0;
		bool first = false;
		if (s->is_function ||
		    !is_writable(state->c->diff->new_image, s->addr))
			continue;
		uint32_t o = graft_subject_find(&types->new_names, n,
						&types->old_names);
		if (o == GRAFT_DWARF_NONE)
			continue;
		err = graft_subject_size(types->old_dwarf, o, &was);
		if (!err)
			err = graft_subject_size(types->new_dwarf, n, &is);
		if (!err && was != is)
			err = graft_comparer_first(&state->comparer, o, n,
						   &first);
		if (err || !first)
			continue;
		struct graft_subject_text where =
			graft_subject_print(types->new_dwarf, n);
		state->comparer.differences++;
		err = graft_case_refuse(
			state->c, GRAFT_RULE_SIZE, where.str,
			"the variable had %llu bytes and has %llu",
			(unsigned long long)was, (unsigned long long)is);
	}
	return err;
}

struct graft_error *
graft_types_add_variables(struct graft_types_state *state)
{
	const struct graft_diff *diff = state->c->diff;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < diff->resolution_count; i++)
		err = add_reference(state, &diff->resolutions[i]);
	if (!err)
		err = add_thread_locals(state);
	if (!err)
		err = check_sizes(state);
	return err;
}

/** Find the subject that an exported symbol names, or #GRAFT_DWARF_NONE. */
static uint32_t
exported_at(const struct graft_dwarf *dwarf, const struct graft_symbol *symbol)
{
	uint32_t at = graft_dwarf_variable_before(dwarf, symbol->addr);

	for (; at != GRAFT_DWARF_NONE;
	     at = graft_dwarf_subject(dwarf, at)->next) {
		const struct graft_subject *s = graft_dwarf_subject(dwarf, at);
		if (s->addr == symbol->addr &&
		    (strcmp(s->name, symbol->name) == 0 ||
		     strcmp(s->linkage, symbol->name) == 0))
			return at;
	}
	return GRAFT_DWARF_NONE;
}

static struct graft_error *
check_export(struct graft_types_state *state, uint32_t o, uint32_t n)
{
	struct graft_types *types = state->types;
	const struct graft_subject *s = graft_dwarf_subject(types->new_dwarf,
							    n);
	uint32_t before = state->comparer.differences;
	struct graft_error *err = add_types(state, o, n);

	if (!err)
		err = graft_comparer_run(&state->comparer);
	if (err || state->comparer.differences == before)
		return err;
	return graft_case_refuse(
		state->c, GRAFT_RULE_EXPORT, s->name,
		"the type of the exported variable changed: other modules were compiled for the old one");
}

struct graft_error *
graft_types_check_exports(struct graft_types_state *state)
{
	struct graft_types *types = state->types;
	size_t count;
	const struct graft_symbol *symbols =
		graft_image_symbols(state->c->diff->new_image, &count);
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < count; i++) {
		if (!symbols[i].dynamic || !symbols[i].defined ||
		    symbols[i].bind == STB_LOCAL ||
		    symbols[i].type != STT_OBJECT)
			continue;
		uint32_t n = exported_at(types->new_dwarf, &symbols[i]);
		if (n == GRAFT_DWARF_NONE)
			continue;
		uint32_t o = graft_subject_find(&types->new_names, n,
						&types->old_names);
		if (o != GRAFT_DWARF_NONE)
			err = check_export(state, o, n);
	}
	return err;
}
