// SPDX-License-Identifier: Apache-2.0

#include "judge/types/names.h"

#include <stdio.h>
#include <string.h>

static const char *
file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const struct graft_unit *
unit_of(const struct graft_dwarf *dwarf, const struct graft_subject *subject)
{
	static const struct graft_unit none = { .name = "", .dir = "" };
	size_t count;
	const struct graft_unit *units = graft_dwarf_units(dwarf, &count);

	return subject->unit < count ? &units[subject->unit] : &none;
}

struct graft_subject_text
graft_subject_print(const struct graft_dwarf *dwarf, uint32_t subject)
{
	const struct graft_subject *s = graft_dwarf_subject(dwarf, subject);
	struct graft_subject_text text;

	(void)snprintf(text.str, sizeof(text.str), "%.80s%s%.80s in %.60s",
		       s->name, s->scope[0] ? " of " : "", s->scope,
		       file_name(unit_of(dwarf, s)->name));
	return text;
}

/** Get a unit's path without the folder that everything was built in: what the
 * path shares with the folder in which the compiler ran. */
static const char *
relative_path(const struct graft_unit *unit)
{
	const char *path = unit->name;
	size_t same = 0;

	if (path[0] != '/') {
		while (strncmp(path, "./", 2) == 0 ||
		       strncmp(path, "../", 3) == 0)
			path += path[1] == '/' ? 2 : 3;
		return path;
	}
	for (size_t i = 0; path[i] && path[i] == unit->dir[i]; i++) {
		if (path[i] == '/')
			same = i + 1;
	}
	size_t len = strlen(unit->dir);
	if (strncmp(path, unit->dir, len) == 0 && path[len] == '/')
		same = len + 1;
	return path + same;
}

static bool
same_unit(const struct graft_unit *a, const struct graft_unit *b)
{
	return strcmp(a->name, b->name) == 0 ||
	       strcmp(relative_path(a), relative_path(b)) == 0;
}

static const char *
linker_name(const struct graft_subject *subject)
{
	return subject->linkage[0] ? subject->linkage : subject->name;
}

/** Compare all but the units. */
static bool
same_name(const struct graft_subject *s, const struct graft_subject *t)
{
	return s->is_function == t->is_function && s->name[0] &&
	       s->is_thread_local == t->is_thread_local &&
	       strcmp(linker_name(s), linker_name(t)) == 0 &&
	       strcmp(s->scope, t->scope) == 0 && s->external == t->external;
}

bool
graft_subject_is_same(const struct graft_dwarf *a, uint32_t x,
		      const struct graft_dwarf *b, uint32_t y)
{
	const struct graft_subject *s = graft_dwarf_subject(a, x);
	const struct graft_subject *t = graft_dwarf_subject(b, y);

	// What others can see there is once.
	return same_name(s, t) &&
	       (s->external || same_unit(unit_of(a, s), unit_of(b, t)));
}

static int
compare_by_name(const void *a, const void *b, void *arg)
{
	const struct graft_dwarf *dwarf = arg;
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;
	int order = strcmp(linker_name(graft_dwarf_subject(dwarf, x)),
			   linker_name(graft_dwarf_subject(dwarf, y)));

	if (order)
		return order;
	return x < y ? -1 : x > y;
}

struct graft_error *
graft_subject_index_make(const struct graft_dwarf *dwarf,
			 struct graft_subject_index *ret)
{
	uint32_t count = graft_dwarf_subject_count(dwarf);
	uint32_t *list = calloc((size_t)count + 1, sizeof(*list));

	if (!list)
		return graft_error_no_memory();
	for (uint32_t i = 0; i < count; i++)
		list[i] = i;
	// glibc's signature; the argument is only read.
	qsort_r(list, count, sizeof(*list), compare_by_name, (void *)dwarf);
	*ret = (struct graft_subject_index){ dwarf, list, count };
	return NULL;
}

void
graft_subject_index_deinit(struct graft_subject_index *index)
{
	free(index->list);
	*index = (struct graft_subject_index){ 0 };
}

/** Find the first subject whose name is not before another one. */
static size_t
find_name(const struct graft_subject_index *index, const char *name)
{
	size_t low = 0;
	size_t high = index->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct graft_subject *s =
			graft_dwarf_subject(index->dwarf, index->list[middle]);
		if (strcmp(linker_name(s), name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/** Find the only subject of a name, in one unit or in any. */
static uint32_t
find_only(const struct graft_dwarf *dwarf, uint32_t subject,
	  const struct graft_subject_index *other, bool any_unit)
{
	const struct graft_subject *like = graft_dwarf_subject(dwarf, subject);
	const char *name = linker_name(like);
	uint32_t found = GRAFT_DWARF_NONE;

	for (size_t i = find_name(other, name); i < other->count; i++) {
		uint32_t at = other->list[i];
		const struct graft_subject *s =
			graft_dwarf_subject(other->dwarf, at);
		if (strcmp(linker_name(s), name) != 0)
			break;
		if (any_unit ? !same_name(like, s)
			     : !graft_subject_is_same(dwarf, subject,
						      other->dwarf, at))
			continue;
		if (found != GRAFT_DWARF_NONE &&
		    graft_dwarf_subject(other->dwarf, found)->addr != s->addr)
			return GRAFT_DWARF_NONE;
		found = at;
	}
	return found;
}

uint32_t
graft_subject_find(const struct graft_subject_index *own, uint32_t subject,
		   const struct graft_subject_index *other)
{
	uint32_t found = find_only(own->dwarf, subject, other, false);

	if (found == GRAFT_DWARF_NONE &&
	    find_only(own->dwarf, subject, own, true) != GRAFT_DWARF_NONE)
		found = find_only(own->dwarf, subject, other, true);
	return found;
}

struct graft_error *
graft_subject_peel(struct graft_dwarf *dwarf, uint32_t subject,
		   uint32_t *number_ret, const struct graft_type **ret)
{
	struct graft_error *err = graft_dwarf_subject_type(dwarf, subject,
							   number_ret);

	return err ? err
		   : graft_dwarf_type_peel(dwarf, *number_ret, number_ret, ret);
}

struct graft_error *
graft_subject_size(struct graft_dwarf *dwarf, uint32_t subject, uint64_t *ret)
{
	const struct graft_type *type;
	uint32_t number;
	struct graft_error *err = graft_subject_peel(dwarf, subject, &number,
						     &type);

	if (err)
		return err;
	*ret = type->kind == GRAFT_TYPE_IS_ODD ? 0 : type->size;
	return NULL;
}

struct graft_error *
graft_subject_at(struct graft_dwarf *dwarf, uint64_t addr, bool end,
		 uint32_t *ret)
{
	// One that ends right there does not begin there.
	uint32_t at = graft_dwarf_variable_before(dwarf, end ? addr - 1 : addr);

	*ret = GRAFT_DWARF_NONE;
	for (; at != GRAFT_DWARF_NONE;
	     at = graft_dwarf_subject(dwarf, at)->next) {
		const struct graft_subject *s = graft_dwarf_subject(dwarf, at);
		uint64_t size;
		struct graft_error *err = graft_subject_size(dwarf, at, &size);
		if (err)
			return err;
		// Of a variable without size (an open array) only the start is
		// known.
		if (addr - s->addr < size || (end && addr - s->addr == size) ||
		    addr == s->addr) {
			*ret = at;
			return NULL;
		}
	}
	return NULL;
}
