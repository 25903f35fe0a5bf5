// SPDX-License-Identifier: Apache-2.0

#include "elf/types.h"

#include "base/hash.h"
#include "base/vec.h"
#include "elf/debug_model.h"
#include "elf/limits.h"

#include <dwarf.h>
#include <stdio.h>
#include <string.h>

enum {
	/** const, volatile and typedefs in front of each other. */
	CHAIN_MAX = 64,
	/** Arrays of arrays. */
	NESTING_MAX = 32,
};

/** Grow the table of types by entry, and put all in again. */
static struct graft_error *
grow_table(struct graft_dwarf *dwarf)
{
	size_t size = dwarf->type_table_size ? dwarf->type_table_size * 2
					     : 1024;
	uint32_t *table = calloc(size, sizeof(*table));

	if (!table)
		return graft_error_no_memory();
	for (size_t i = 1; i < dwarf->type_count; i++) {
		uint64_t hash =
			graft_hash_mix(0, (uintptr_t)dwarf->types[i]->die.addr);
		while (table[hash & (size - 1)])
			hash++;
		table[hash & (size - 1)] = (uint32_t)i;
	}
	free(dwarf->type_table);
	dwarf->type_table = table;
	dwarf->type_table_size = size;
	return NULL;
}

static struct graft_error *
add_type(struct graft_dwarf *dwarf, const Dwarf_Die *die)
{
	if (dwarf->type_count >= GRAFT_LIMIT_DWARF_TYPES)
		return graft_error_new(GRAFT_ERROR_LIMIT, "more than %d types",
				       GRAFT_LIMIT_DWARF_TYPES);
	struct graft_error *err =
		graft_vec_reserve(&dwarf->types, &dwarf->type_cap,
				  dwarf->type_count + 1, sizeof(*dwarf->types));
	if (err)
		return err;
	struct graft_type_entry *entry = calloc(1, sizeof(*entry));
	if (!entry)
		return graft_error_no_memory();
	entry->type.name = "";
	if (die)
		entry->die = *die;
	else
		entry->read = true;
	dwarf->types[dwarf->type_count++] = entry;
	return NULL;
}

/** Number a type by its entry. */
GRAFT_MUST_CHECK static struct graft_error *
number_of(struct graft_dwarf *dwarf, const Dwarf_Die *die, uint32_t *ret)
{
	struct graft_error *err = NULL;

	if (dwarf->type_count == 0)
		err = add_type(dwarf, NULL);
	if (!err && dwarf->type_count * 2 >= dwarf->type_table_size)
		err = grow_table(dwarf);
	if (err)
		return err;
	size_t mask = dwarf->type_table_size - 1;
	uint64_t hash = graft_hash_mix(0, (uintptr_t)die->addr);
	for (uint32_t at; (at = dwarf->type_table[hash & mask]); hash++) {
		if (dwarf->types[at]->die.addr == die->addr) {
			*ret = at;
			return NULL;
		}
	}
	err = add_type(dwarf, die);
	if (err)
		return err;
	*ret = (uint32_t)dwarf->type_count - 1;
	dwarf->type_table[hash & mask] = *ret;
	return NULL;
}

/** Say whether an entry only qualifies another type. */
static bool
is_qualifier(int tag)
{
	switch (tag) {
	case DW_TAG_const_type:
	case DW_TAG_volatile_type:
	case DW_TAG_restrict_type:
	case DW_TAG_atomic_type:
	case DW_TAG_immutable_type:
	case DW_TAG_packed_type:
	case DW_TAG_shared_type:
		return true;
	default:
		return false;
	}
}

struct graft_error *
graft_dwarf_type_from(struct graft_dwarf *dwarf, Dwarf_Die *die, uint32_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Die type;
	bool first = true;

	*ret = GRAFT_TYPE_VOID;
	for (int i = 0; i < CHAIN_MAX; i++) {
		if (!(first ? dwarf_attr_integrate(die, DW_AT_type, &attr)
			    : dwarf_attr(&type, DW_AT_type, &attr)))
			return NULL;
		first = false;
		Dwarf_Die next;
		if (!dwarf_formref_die(&attr, &next))
			break;
		type = next;
		if (is_qualifier(dwarf_tag(&type)))
			continue;
		// What stands in a unit of its own is only hinted at here.
		if (dwarf_attr(&type, DW_AT_signature, &attr) &&
		    dwarf_formref_die(&attr, &next))
			type = next;
		return number_of(dwarf, &type, ret);
	}
	// A reference to nowhere, or a circle: a type that nothing is like. Its
	// key is the entry that has it, which is no type itself.
	struct graft_error *err = number_of(dwarf, die, ret);
	if (!err) {
		dwarf->types[*ret]->type.kind = GRAFT_TYPE_IS_ODD;
		dwarf->types[*ret]->read = true;
	}
	return err;
}

/** Read a type; arrays of arrays ask for their elements meanwhile. */
static struct graft_error *
read_type(struct graft_dwarf *dwarf, struct graft_type_entry *entry)
{
	entry->read = true;
	if (dwarf->type_depth >= NESTING_MAX) {
		entry->type.kind = GRAFT_TYPE_IS_ODD;
		return NULL;
	}
	dwarf->type_depth++;
	struct graft_error *err = graft_dwarf_type_read(dwarf, entry);
	dwarf->type_depth--;
	return err;
}

struct graft_error *
graft_dwarf_type(struct graft_dwarf *dwarf, uint32_t type,
		 const struct graft_type **ret)
{
	static const struct graft_type nothing = { .name = "void" };

	if (type == GRAFT_TYPE_VOID) {
		*ret = &nothing;
		return NULL;
	}
	struct graft_type_entry *entry = dwarf->types[type];
	if (!entry->read) {
		struct graft_error *err = read_type(dwarf, entry);
		if (err)
			return err;
	}
	*ret = &entry->type;
	return NULL;
}

struct graft_error *
graft_dwarf_type_peel(struct graft_dwarf *dwarf, uint32_t type,
		      uint32_t *type_ret, const struct graft_type **ret)
{
	static const struct graft_type odd = { .kind = GRAFT_TYPE_IS_ODD,
					       .name = "" };

	for (int i = 0; i < CHAIN_MAX; i++) {
		struct graft_error *err = graft_dwarf_type(dwarf, type, ret);
		if (err)
			return err;
		if ((*ret)->kind != GRAFT_TYPE_IS_TYPEDEF) {
			*type_ret = type;
			return NULL;
		}
		type = (*ret)->target;
	}
	*type_ret = type;
	*ret = &odd;
	return NULL;
}

/** Find the entry of a member by its place among the members. */
static bool
find_member(Dwarf_Die *die, uint32_t member, Dwarf_Die *ret)
{
	int more = dwarf_child(die, ret);

	for (uint32_t at = 0; more == 0; more = dwarf_siblingof(ret, ret)) {
		int tag = dwarf_tag(ret);
		if (tag != DW_TAG_member && tag != DW_TAG_inheritance)
			continue;
		if (graft_dwarf_flag(ret, DW_AT_external) ||
		    graft_dwarf_flag(ret, DW_AT_declaration))
			continue;
		if (at++ == member)
			return true;
	}
	return false;
}

/** Find the file of a declaration. File 0 means something since DWARF 5, but
 * elfutils 0.188 does not know that yet. */
static const char *
declared_in(Dwarf_Die *die)
{
	Dwarf_Die unit;
	Dwarf_Files *files;
	size_t count;
	uint64_t index;

	if (!graft_dwarf_number(die, DW_AT_decl_file, &index) ||
	    !dwarf_diecu(die, &unit, NULL, NULL) ||
	    dwarf_getsrcfiles(&unit, &files, &count) != 0 || index >= count)
		return NULL;
	return dwarf_filesrc(files, index, NULL, NULL);
}

void
graft_dwarf_type_place(struct graft_dwarf *dwarf, uint32_t type,
		       uint32_t member, char *buf, size_t len)
{
	Dwarf_Die at;
	int line;

	buf[0] = '\0';
	if (type == GRAFT_TYPE_VOID || type >= dwarf->type_count)
		return;
	Dwarf_Die die = dwarf->types[type]->die;
	at = die;
	if (member != GRAFT_DWARF_NONE && !find_member(&die, member, &at))
		at = die;
	const char *file = declared_in(&at);
	if (!file || dwarf_decl_line(&at, &line) != 0)
		return;
	const char *slash = strrchr(file, '/');
	(void)snprintf(buf, len, "%.100s:%d", slash ? slash + 1 : file, line);
}

static int
compare_names(const void *a, const void *b)
{
	const struct graft_named_type *x = a;
	const struct graft_named_type *y = b;
	int order = strcmp(x->name, y->name);

	if (order)
		return order;
	return x->number < y->number ? -1 : x->number > y->number;
}

static struct graft_error *
sort_names(struct graft_dwarf *dwarf)
{
	dwarf->by_name = calloc(dwarf->named_count + 1,
				sizeof(*dwarf->by_name));
	if (!dwarf->by_name)
		return graft_error_no_memory();
	if (dwarf->named_count) {
		memcpy(dwarf->by_name, dwarf->named,
		       dwarf->named_count * sizeof(*dwarf->by_name));
		qsort(dwarf->by_name, dwarf->named_count,
		      sizeof(*dwarf->by_name), compare_names);
	}
	return NULL;
}

struct graft_error *
graft_dwarf_types_named(struct graft_dwarf *dwarf, const char *name,
			const struct graft_named_type **ret, size_t *count_ret)
{
	size_t low = 0;
	size_t high = dwarf->named_count;

	if (!dwarf->by_name) {
		struct graft_error *err = sort_names(dwarf);
		if (err)
			return err;
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(dwarf->by_name[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret = &dwarf->by_name[low];
	*count_ret = 0;
	while (low + *count_ret < dwarf->named_count &&
	       strcmp((*ret)[*count_ret].name, name) == 0)
		++*count_ret;
	return NULL;
}

const struct graft_named_type *
graft_dwarf_types_in(struct graft_dwarf *dwarf, uint32_t unit,
		     size_t *count_ret)
{
	*count_ret = dwarf->named_first[unit + 1] - dwarf->named_first[unit];
	// No list at all if no unit names a type.
	return *count_ret ? &dwarf->named[dwarf->named_first[unit]] : NULL;
}

struct graft_error *
graft_dwarf_type_of(struct graft_dwarf *dwarf,
		    const struct graft_named_type *named, uint32_t *ret)
{
	return number_of(dwarf, &dwarf->named_entries[named->number].die, ret);
}

void
graft_dwarf_types_free(struct graft_dwarf *dwarf)
{
	for (size_t i = 0; i < dwarf->type_count; i++) {
		free(dwarf->types[i]->type.members);
		free(dwarf->types[i]->type.enumerators);
		free(dwarf->types[i]->type.virtuals);
		free(dwarf->types[i]);
	}
	free(dwarf->types);
	free(dwarf->type_table);
}
