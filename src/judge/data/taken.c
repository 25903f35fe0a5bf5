// SPDX-License-Identifier: Apache-2.0

#include "judge/data/taken.h"

#include "base/sorted.h"
#include "diff/code/area.h"

#include <stdlib.h>

static int
compare(const void *a, const void *b)
{
	const struct graft_taken_address *x = a;
	const struct graft_taken_address *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static void
add(struct graft_taken *taken, uint64_t addr, uint64_t end, bool is_lock)
{
	if (graft_area_of(taken->code->image, addr) == GRAFT_AREA_DATA)
		taken->list[taken->count++] =
			(struct graft_taken_address){ addr, end, is_lock };
}

/** Add what pointers in data lead to, and what other modules may name. */
static void
add_named(struct graft_taken *taken)
{
	const struct graft_image *image = taken->code->image;
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(image, &count);

	for (size_t i = 0; i < count; i++) {
		uint64_t base = relocs[i].symbol ? relocs[i].symbol->addr : 0;
		uint64_t addr = base + (uint64_t)relocs[i].addend;
		const struct graft_section *section =
			graft_image_section_at(image, relocs[i].addr);
		// __dso_handle leads to itself; the start files have it first, but
		// for one word of programs.
		if (section && relocs[i].addr - section->addr <= 8 &&
		    addr == relocs[i].addr)
			continue;
		if (!relocs[i].symbol || relocs[i].symbol->defined)
			add(taken, addr, UINT64_MAX, false);
	}
	const struct graft_symbol *symbols = graft_image_symbols(image, &count);
	for (size_t i = 0; i < count; i++) {
		// A local name takes nothing.
		if (symbols[i].defined && symbols[i].dynamic &&
		    symbols[i].type == STT_OBJECT)
			add(taken, symbols[i].addr, UINT64_MAX, false);
	}
}

struct graft_error *
graft_taken_collect(const struct graft_code *code, struct graft_taken *ret)
{
	struct graft_taken taken = { .code = code };
	size_t relocs;
	size_t symbols;

	(void)graft_image_relocs(code->image, &relocs);
	(void)graft_image_symbols(code->image, &symbols);
	taken.list = calloc(code->ref_count + relocs + symbols + 1,
			    sizeof(*taken.list));
	if (!taken.list)
		return graft_error_no_memory();
	for (size_t i = 0; i < code->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[i];
		// The end of one thing is no place in the next.
		if (ref->kind == GRAFT_REF_ADDRESS && !ref->end_of &&
		    !ref->clones)
			add(&taken, ref->target,
			    ref->used ? ref->target + ref->used : UINT64_MAX,
			    ref->is_lock);
	}
	add_named(&taken);
	if (taken.count)
		qsort(taken.list, taken.count, sizeof(*taken.list), compare);
	*ret = taken;
	return NULL;
}

void
graft_taken_deinit(struct graft_taken *taken)
{
	free(taken->list);
	*taken = (struct graft_taken){ 0 };
}

/** Find the first taken address behind another; its index, or the count. */
static size_t
first_behind(const struct graft_taken *taken, uint64_t addr)
{
	return GRAFT_SORTED_UP_TO(taken->list, taken->count, addr, addr);
}

uint64_t
graft_taken_used_end(const struct graft_taken *taken, uint64_t start,
		     uint64_t end)
{
	uint64_t used = start;

	for (size_t i = first_behind(taken, start);
	     i < taken->count && taken->list[i].addr < end; i++) {
		if (taken->list[i].end > used)
			used = taken->list[i].end;
	}
	return used;
}

bool
graft_taken_goes_on(const struct graft_taken *taken, uint64_t start,
		    uint64_t end, uint64_t *last_ret)
{
	bool found = false;

	for (size_t i = first_behind(taken, start - 1);
	     i < taken->count && taken->list[i].addr < end; i++) {
		uint64_t addr = taken->list[i].addr;
		if (taken->list[i].end <= end)
			continue;
		const struct graft_symbol *symbol =
			graft_image_object_at(taken->code->image, addr);
		if (symbol && symbol->addr + symbol->size <= end)
			continue;
		*last_ret = addr;
		found = true;
	}
	return found;
}

uint64_t
graft_taken_lock_behind(const struct graft_taken *taken, uint64_t addr)
{
	if (!taken->code->locks_are_named)
		return UINT64_MAX;
	for (size_t i = first_behind(taken, addr); i < taken->count; i++) {
		if (taken->list[i].is_lock)
			return taken->list[i].addr;
	}
	return UINT64_MAX;
}
