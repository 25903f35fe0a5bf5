// SPDX-License-Identifier: Apache-2.0

// One walk over all entries, which collects functions, variables and the names
// of types. An entry of a sound file stands behind its parent and its elder
// siblings, so each step of the walk must go forwards in the file; what lies
// about a sibling is found by that, and the walk ends.

#include "base/vec.h"
#include "elf/debug_model.h"
#include "elf/limits.h"

#include <dwarf.h>
#include <stdio.h>
#include <string.h>

enum {
	/** Entries inside of each other. */
	DEPTH_MAX = 200,
	/** Entries that an entry may be a copy of, one after the other. */
	ORIGINS_MAX = 8,
	/** A qualified name. */
	NAME_MAX_BYTES = 1024,
};

/** The walk. */
struct scan {
	struct graft_dwarf *dwarf;
	uint32_t unit;
	/** The entry that was met last. */
	const void *last;
	int depth;
};

/** What the entries around one say. */
struct around {
	/** Namespaces and classes, or "". */
	const char *scope;
	/** The function, or "". */
	const char *function;
	/** There is one, also if it has no name. */
	bool in_function;
};

static struct graft_error *
scan_children(struct scan *scan, Dwarf_Die *die, const struct around *around);

const char *
graft_dwarf_text_of(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attr;
	const char *text =
		dwarf_formstring(dwarf_attr_integrate(die, name, &attr));

	return text ? text : "";
}

bool
graft_dwarf_flag(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attr;
	bool flag = false;

	return dwarf_formflag(dwarf_attr(die, name, &attr), &flag) == 0 && flag;
}

Dwarf_Die
graft_dwarf_origin(Dwarf_Die *die)
{
	Dwarf_Die at = *die;

	for (int i = 0; i < ORIGINS_MAX; i++) {
		Dwarf_Attribute attr;
		Dwarf_Die next;
		if (!dwarf_attr(&at, DW_AT_abstract_origin, &attr) &&
		    !dwarf_attr(&at, DW_AT_specification, &attr))
			break;
		if (!dwarf_formref_die(&attr, &next))
			break;
		at = next;
	}
	return at;
}

static int
compare_handles(const void *a, const void *b)
{
	const struct graft_unit_handle *x = a;
	const struct graft_unit_handle *y = b;

	return (uintptr_t)x->cu < (uintptr_t)y->cu
		       ? -1
		       : (uintptr_t)x->cu > (uintptr_t)y->cu;
}

/** Find the unit of an entry, or #GRAFT_DWARF_NONE. After the scan began. */
static uint32_t
unit_of(const struct graft_dwarf *dwarf, const Dwarf_Die *die)
{
	struct graft_unit_handle key = { .cu = die->cu };
	const struct graft_unit_handle *found =
		bsearch(&key, dwarf->handles, dwarf->unit_count,
			sizeof(*dwarf->handles), compare_handles);

	return found ? found->unit : GRAFT_DWARF_NONE;
}

/** Keep a text for as long as the debug information lives. */
static struct graft_error *
keep_text(struct graft_dwarf *dwarf, const char *text, const char **ret)
{
	struct graft_error *err =
		graft_vec_reserve(&dwarf->texts, &dwarf->text_cap,
				  dwarf->text_count + 1, sizeof(*dwarf->texts));
	if (err)
		return err;
	char *copy = strdup(text);
	if (!copy)
		return graft_error_no_memory();
	dwarf->texts[dwarf->text_count++] = copy;
	*ret = copy;
	return NULL;
}

/** Put a scope before a name. */
static struct graft_error *
qualify(struct graft_dwarf *dwarf, const char *scope, const char *name,
	const char **ret)
{
	char text[NAME_MAX_BYTES];

	*ret = name;
	if (!scope[0] || !name[0])
		return NULL;
	(void)snprintf(text, sizeof(text), "%s::%s", scope, name);
	return keep_text(dwarf, text, ret);
}

static struct graft_error *
add_named(struct scan *scan, Dwarf_Die *die, uint8_t kind, const char *name)
{
	struct graft_dwarf *dwarf = scan->dwarf;
	size_t cap = dwarf->named_cap;
	struct graft_error *err = graft_vec_reserve(
		&dwarf->named, &dwarf->named_cap, dwarf->named_count + 1,
		sizeof(*dwarf->named));

	if (!err)
		err = graft_vec_reserve(&dwarf->named_entries, &cap,
					dwarf->named_count + 1,
					sizeof(*dwarf->named_entries));
	if (err)
		return err;
	dwarf->named[dwarf->named_count] = (struct graft_named_type){
		.name = name,
		.kind = kind,
		.declaration = graft_dwarf_flag(die, DW_AT_declaration),
		.unit = scan->unit,
		.number = (uint32_t)dwarf->named_count,
	};
	dwarf->named_entries[dwarf->named_count++] = (struct graft_named_entry){
		.name = name,
		.die = *die,
	};
	return NULL;
}

static struct graft_error *
add_subject(struct scan *scan, Dwarf_Die *die,
	    const struct graft_subject *subject)
{
	struct graft_dwarf *dwarf = scan->dwarf;
	struct graft_error *err = graft_vec_reserve(
		&dwarf->subjects, &dwarf->subject_cap, dwarf->subject_count + 1,
		sizeof(*dwarf->subjects));

	if (err)
		return err;
	if (dwarf->subject_count >= GRAFT_LIMIT_DWARF_SUBJECTS)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %d functions and variables",
				       GRAFT_LIMIT_DWARF_SUBJECTS);
	struct graft_subject_entry *entry =
		&dwarf->subjects[dwarf->subject_count++];
	*entry = (struct graft_subject_entry){ *subject, *die };
	Dwarf_Die origin = graft_dwarf_origin(die);
	Dwarf_Attribute attr;
	entry->subject.unit = unit_of(dwarf, &origin);
	entry->subject.name = graft_dwarf_text_of(die, DW_AT_name);
	entry->subject.linkage = graft_dwarf_text_of(die, DW_AT_linkage_name);
	entry->subject.next = GRAFT_DWARF_NONE;
	bool external = false;
	if (dwarf_formflag(dwarf_attr_integrate(die, DW_AT_external, &attr),
			   &external) == 0)
		entry->subject.external = external;
	return NULL;
}

/** Remember the addresses of the last subject, a function. */
static struct graft_error *
add_function_ranges(struct scan *scan, Dwarf_Die *die, uint64_t *entry_ret)
{
	struct graft_dwarf *dwarf = scan->dwarf;
	uint32_t number = (uint32_t)dwarf->subject_count;
	ptrdiff_t off = 0;
	Dwarf_Addr base;
	Dwarf_Addr start;
	Dwarf_Addr end;

	*entry_ret = 0;
	while ((off = dwarf_ranges(die, off, &base, &start, &end)) > 0) {
		if (start == 0 || start >= end || end > GRAFT_LIMIT_ADDR)
			continue;
		if (dwarf->function_range_count >= GRAFT_LIMIT_DWARF_RANGES)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "more than %d ranges",
					       GRAFT_LIMIT_DWARF_RANGES);
		struct graft_error *err = graft_vec_reserve(
			&dwarf->function_ranges, &dwarf->function_range_cap,
			dwarf->function_range_count + 1,
			sizeof(*dwarf->function_ranges));
		if (err)
			return err;
		dwarf->function_ranges[dwarf->function_range_count++] =
			(struct graft_function_range){ start, end, number };
		if (*entry_ret == 0)
			*entry_ret = start;
	}
	(void)dwarf_errno();
	return NULL;
}

static struct graft_error *
visit_function(struct scan *scan, Dwarf_Die *die, const struct around *around)
{
	struct graft_subject subject = { .scope = around->function,
					 .is_function = true };
	struct around inside = *around;

	if (graft_dwarf_flag(die, DW_AT_declaration))
		return NULL;
	struct graft_error *err = add_function_ranges(scan, die, &subject.addr);
	if (!err && subject.addr)
		err = add_subject(scan, die, &subject);
	if (err || dwarf_haschildren(die) != 1)
		return err;
	inside.in_function = true;
	inside.function = graft_dwarf_text_of(die, DW_AT_linkage_name);
	if (!inside.function[0])
		inside.function = graft_dwarf_text_of(die, DW_AT_name);
	err = qualify(scan->dwarf, around->scope, inside.function,
		      &inside.scope);
	if (!err)
		err = scan_children(scan, die, &inside);
	return err;
}

static struct graft_error *
visit_variable(struct scan *scan, Dwarf_Die *die, const struct around *around)
{
	struct graft_subject subject = { .scope = around->function,
					 .is_local = around->in_function };

	if (!graft_dwarf_place(die, &subject))
		return NULL;
	return add_subject(scan, die, &subject);
}

static struct graft_error *
visit_scope(struct scan *scan, Dwarf_Die *die, const struct around *around,
	    const char *name)
{
	struct around inside = *around;

	if (dwarf_haschildren(die) != 1)
		return NULL;
	struct graft_error *err = NULL;
	if (around->scope[0] && name[0])
		err = qualify(scan->dwarf, around->scope, name, &inside.scope);
	else if (name[0])
		inside.scope = name;
	if (!err)
		err = scan_children(scan, die, &inside);
	return err;
}

static struct graft_error *
visit_type(struct scan *scan, Dwarf_Die *die, uint8_t kind,
	   const struct around *around)
{
	const char *name = graft_dwarf_text(die, DW_AT_name);
	const char *full = name;
	struct graft_error *err = qualify(scan->dwarf, around->scope, name,
					  &full);

	if (!err && (name[0] || kind == GRAFT_TYPE_IS_ENUM))
		err = add_named(scan, die, kind, full);
	if (err || kind == GRAFT_TYPE_IS_ENUM || kind == GRAFT_TYPE_IS_TYPEDEF)
		return err;
	return visit_scope(scan, die, around, name);
}

static struct graft_error *
visit(struct scan *scan, Dwarf_Die *die, const struct around *around)
{
	struct around inside = *around;

	switch (dwarf_tag(die)) {
	case DW_TAG_namespace: {
		const char *name = graft_dwarf_text_of(die, DW_AT_name);
		return visit_scope(scan, die, around,
				   name[0] ? name : "(anonymous)");
	}
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_interface_type:
		return visit_type(scan, die, GRAFT_TYPE_IS_STRUCT, around);
	case DW_TAG_union_type:
		return visit_type(scan, die, GRAFT_TYPE_IS_UNION, around);
	case DW_TAG_enumeration_type:
		return visit_type(scan, die, GRAFT_TYPE_IS_ENUM, around);
	case DW_TAG_typedef:
		return visit_type(scan, die, GRAFT_TYPE_IS_TYPEDEF, around);
	case DW_TAG_subprogram:
		return visit_function(scan, die, around);
	case DW_TAG_inlined_subroutine:
		inside.function = graft_dwarf_text_of(die, DW_AT_linkage_name);
		if (!inside.function[0])
			inside.function = graft_dwarf_text_of(die, DW_AT_name);
		return scan_children(scan, die, &inside);
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
		return scan_children(scan, die, around);
	case DW_TAG_variable:
		return visit_variable(scan, die, around);
	default:
		return NULL;
	}
}

static struct graft_error *
malformed(const struct scan *scan, const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "unit \"%.200s\": %s",
			       scan->dwarf->units[scan->unit].name, what);
}

static struct graft_error *
scan_children(struct scan *scan, Dwarf_Die *die, const struct around *around)
{
	struct graft_error *err = NULL;
	Dwarf_Die child;
	int more = dwarf_child(die, &child);

	if (scan->depth >= DEPTH_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %d entries in each other",
				       DEPTH_MAX);
	scan->depth++;
	while (!err && more == 0) {
		if ((uintptr_t)child.addr <= (uintptr_t)scan->last)
			return malformed(scan, "an entry leads backwards");
		scan->last = child.addr;
		err = visit(scan, &child, around);
		if (!err)
			more = dwarf_siblingof(&child, &child);
	}
	scan->depth--;
	if (!err && more < 0)
		return malformed(scan, dwarf_errmsg(-1));
	return err;
}

static struct graft_error *
scan_units(struct graft_dwarf *dwarf)
{
	const struct around around = { .scope = "", .function = "" };

	dwarf->handles = calloc(dwarf->unit_count + 1, sizeof(*dwarf->handles));
	dwarf->named_first = calloc(dwarf->unit_count + 1,
				    sizeof(*dwarf->named_first));
	if (!dwarf->handles || !dwarf->named_first)
		return graft_error_no_memory();
	for (size_t i = 0; i < dwarf->unit_count; i++)
		dwarf->handles[i] = (struct graft_unit_handle){
			dwarf->unit_dies[i].cu, (uint32_t)i
		};
	qsort(dwarf->handles, dwarf->unit_count, sizeof(*dwarf->handles),
	      compare_handles);
	for (size_t i = 0; i < dwarf->unit_count; i++) {
		struct scan scan = { dwarf, (uint32_t)i,
				     dwarf->unit_dies[i].addr, 0 };
		dwarf->named_first[i] = (uint32_t)dwarf->named_count;
		if (dwarf_haschildren(&dwarf->unit_dies[i]) != 1)
			continue;
		struct graft_error *err =
			scan_children(&scan, &dwarf->unit_dies[i], &around);
		if (err)
			return err;
	}
	dwarf->named_first[dwarf->unit_count] = (uint32_t)dwarf->named_count;
	return NULL;
}

struct graft_error *
graft_dwarf_scan(struct graft_dwarf *dwarf)
{
	if (dwarf->scanned)
		return NULL;
	struct graft_error *err =
		dwarf->handles
			? graft_error_new(GRAFT_ERROR_BAD_INPUT, "malformed")
			: scan_units(dwarf);
	if (!err)
		err = graft_dwarf_order(dwarf);
	dwarf->scanned = !err;
	return err;
}
