// SPDX-License-Identifier: Apache-2.0

// What the walk collected, in the order in which it is looked up.

#include "base/cleanup.h"
#include "elf/debug_model.h"

#include <stdlib.h>

/** A subject, and its number before it was sorted. */
struct ordered {
	struct graft_subject_entry entry;
	uint32_t number;
};

static int
compare_subjects(const void *a, const void *b)
{
	const struct ordered *x = a;
	const struct ordered *y = b;
	const struct graft_subject *s = &x->entry.subject;
	const struct graft_subject *t = &y->entry.subject;

	if (s->is_function != t->is_function)
		return s->is_function ? -1 : 1;
	if (s->is_thread_local != t->is_thread_local)
		return s->is_thread_local ? 1 : -1;
	if (s->addr != t->addr)
		return s->addr < t->addr ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

static int
compare_function_ranges(const void *a, const void *b)
{
	const struct graft_function_range *x = a;
	const struct graft_function_range *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->function < y->function ? -1 : x->function > y->function;
}

/** Link subjects at one address, and count the kinds. */
static void
link_subjects(struct graft_dwarf *dwarf)
{
	for (size_t i = 0; i < dwarf->subject_count; i++) {
		struct graft_subject *s = &dwarf->subjects[i].subject;
		const struct graft_subject *t = s + 1;
		if (i + 1 < dwarf->subject_count)
			t = &dwarf->subjects[i + 1].subject;
		if (i + 1 < dwarf->subject_count && t->addr == s->addr &&
		    t->is_function == s->is_function &&
		    t->is_thread_local == s->is_thread_local)
			s->next = (uint32_t)i + 1;
		dwarf->function_count += s->is_function;
		dwarf->variable_count += !s->is_function && !s->is_thread_local;
	}
}

static struct graft_error *
sort_subjects(struct graft_dwarf *dwarf)
{
	size_t count = dwarf->subject_count;
	GRAFT_FREE struct ordered *list = calloc(count + 1, sizeof(*list));
	GRAFT_FREE uint32_t *place = calloc(count + 1, sizeof(*place));

	if (!list || !place)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++)
		list[i] = (struct ordered){ dwarf->subjects[i], (uint32_t)i };
	qsort(list, count, sizeof(*list), compare_subjects);
	for (size_t i = 0; i < count; i++) {
		dwarf->subjects[i] = list[i].entry;
		place[list[i].number] = (uint32_t)i;
	}
	for (size_t i = 0; i < dwarf->function_range_count; i++)
		dwarf->function_ranges[i].function =
			place[dwarf->function_ranges[i].function];
	if (dwarf->function_range_count)
		qsort(dwarf->function_ranges, dwarf->function_range_count,
		      sizeof(*dwarf->function_ranges), compare_function_ranges);
	link_subjects(dwarf);
	return NULL;
}

/** An entry's address, and the number of the named type. */
struct keyed {
	uintptr_t key;
	uint32_t number;
};

static int
compare_keyed(const void *a, const void *b)
{
	const struct keyed *x = a;
	const struct keyed *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static struct graft_error *
sort_named(struct graft_dwarf *dwarf)
{
	size_t count = dwarf->named_count;
	GRAFT_FREE struct keyed *list = calloc(count + 1, sizeof(*list));

	dwarf->by_entry = calloc(count + 1, sizeof(*dwarf->by_entry));
	if (!list || !dwarf->by_entry)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++)
		list[i] = (struct keyed){
			(uintptr_t)dwarf->named_entries[i].die.addr, (uint32_t)i
		};
	qsort(list, count, sizeof(*list), compare_keyed);
	for (size_t i = 0; i < count; i++)
		dwarf->by_entry[i] = list[i].number;
	return NULL;
}

struct graft_error *
graft_dwarf_order(struct graft_dwarf *dwarf)
{
	struct graft_error *err = sort_subjects(dwarf);

	return err ? err : sort_named(dwarf);
}

const char *
graft_dwarf_type_name(const struct graft_dwarf *dwarf, const Dwarf_Die *die)
{
	size_t low = 0;
	size_t high = dwarf->by_entry ? dwarf->named_count : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct graft_named_entry *at =
			&dwarf->named_entries[dwarf->by_entry[middle]];
		if (at->die.addr == die->addr)
			return at->name;
		if ((uintptr_t)at->die.addr < (uintptr_t)die->addr)
			low = middle + 1;
		else
			high = middle;
	}
	return "";
}
