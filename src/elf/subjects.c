// SPDX-License-Identifier: Apache-2.0

#include "elf/subjects.h"

#include "base/vec.h"
#include "elf/debug_model.h"
#include "elf/limits.h"

#include <dwarf.h>

const struct graft_subject *
graft_dwarf_subject(const struct graft_dwarf *dwarf, uint32_t subject)
{
	return &dwarf->subjects[subject].subject;
}

uint32_t
graft_dwarf_subject_count(const struct graft_dwarf *dwarf)
{
	return (uint32_t)dwarf->subject_count;
}

uint32_t
graft_dwarf_function_at(const struct graft_dwarf *dwarf, uint64_t addr)
{
	const struct graft_function_range *ranges = dwarf->function_ranges;
	size_t low = 0;
	size_t high = dwarf->function_range_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || ranges[low - 1].end <= addr)
		return GRAFT_DWARF_NONE;
	// The first of those that were folded.
	while (low > 1 && ranges[low - 2].addr == ranges[low - 1].addr)
		low--;
	return ranges[low - 1].function;
}

uint32_t
graft_dwarf_variable_before(const struct graft_dwarf *dwarf, uint64_t addr)
{
	const struct graft_subject_entry *list = dwarf->subjects;
	const uint32_t first = dwarf->function_count;
	uint32_t low = first;
	uint32_t high = first + dwarf->variable_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (list[middle].subject.addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == first)
		return GRAFT_DWARF_NONE;
	low--;
	while (low > first &&
	       list[low - 1].subject.addr == list[low].subject.addr)
		low--;
	return low;
}

struct graft_error *
graft_dwarf_subject_type(struct graft_dwarf *dwarf, uint32_t subject,
			 uint32_t *ret)
{
	return graft_dwarf_type_from(dwarf, &dwarf->subjects[subject].die, ret);
}

/** Collecting locals. */
struct collector {
	struct graft_dwarf *dwarf;
	struct graft_locals *locals;
	size_t cap;
	/** The function itself, not what is a copy of it. */
	bool parameters;
};

static struct graft_error *
add_local(struct collector *to, Dwarf_Die *die, const char *scope,
	  bool parameter)
{
	struct graft_locals *locals = to->locals;
	struct graft_local local = {
		.name = graft_dwarf_text_of(die, DW_AT_name),
		.scope = scope,
		.parameter = parameter,
	};
	struct graft_error *err = graft_dwarf_type_from(to->dwarf, die,
							&local.type);

	if (!err && locals->count >= GRAFT_LIMIT_DWARF_LOCALS)
		err = graft_error_new(GRAFT_ERROR_LIMIT,
				      "a function of more than %d variables",
				      GRAFT_LIMIT_DWARF_LOCALS);
	if (!err)
		err = graft_vec_reserve(&locals->list, &to->cap,
					locals->count + 1,
					sizeof(*locals->list));
	if (err)
		return err;
	locals->list[locals->count++] = local;
	return NULL;
}

static struct graft_error *
collect(void *context, Dwarf_Die *die, const struct graft_dwarf_at *at)
{
	struct collector *to = context;
	bool own = to->parameters && at->depth == 1;

	switch (dwarf_tag(die)) {
	case DW_TAG_formal_parameter:
		return add_local(to, die, at->scope, own);
	case DW_TAG_variable:
		return add_local(to, die, at->scope, false);
	default:
		to->locals->variadic |= own;
		return NULL;
	}
}

struct graft_error *
graft_dwarf_locals(struct graft_dwarf *dwarf, uint32_t function,
		   struct graft_locals *ret)
{
	GRAFT_CLEANUP(graft_locals_deinit) struct graft_locals locals = { 0 };
	Dwarf_Die die = dwarf->subjects[function].die;
	// What this is a copy of has all parameters, in their order.
	Dwarf_Die origin = graft_dwarf_origin(&die);
	bool copy = origin.addr != die.addr;
	struct collector to = {
		.dwarf = dwarf,
		.locals = &locals,
		.parameters = true,
	};

	struct graft_error *err = graft_dwarf_type_from(dwarf, &die,
							&locals.result);
	if (!err)
		err = graft_dwarf_walk(&origin, collect, &to);
	to.parameters = false;
	if (!err && copy)
		err = graft_dwarf_walk(&die, collect, &to);
	if (err)
		return err;
	locals.prototyped = graft_dwarf_flag(&origin, DW_AT_prototyped);
	*ret = locals;
	locals = (struct graft_locals){ 0 };
	return NULL;
}

void
graft_locals_deinit(struct graft_locals *locals)
{
	free(locals->list);
	*locals = (struct graft_locals){ 0 };
}
