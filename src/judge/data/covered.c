// SPDX-License-Identifier: Apache-2.0

#include "judge/data/covered.h"

#include "base/sorted.h"
#include "diff/match/names.h"

#include <stdlib.h>

enum {
	/** Compilers align objects to a cache line at most. */
	ALIGN_MAX = 64,
};

static int
compare(const void *a, const void *b)
{
	const struct graft_covered_object *x = a;
	const struct graft_covered_object *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

static bool
is_object(const struct graft_image *image, const struct graft_symbol *symbol)
{
	const struct graft_section *section;

	if (!symbol->defined || symbol->absolute ||
	    symbol->type != STT_OBJECT || !symbol->size)
		return false;
	section = graft_image_section_at(image, symbol->addr);
	return section && graft_section_is_writable(section);
}

static struct graft_error *
collect(const struct graft_image *image, struct graft_covered_side *ret)
{
	size_t count;
	const struct graft_symbol *symbols = graft_image_symbols(image, &count);

	ret->list = calloc(count + 1, sizeof(*ret->list));
	if (!ret->list)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++) {
		if (is_object(image, &symbols[i]))
			ret->list[ret->count++] = (struct graft_covered_object){
				.addr = symbols[i].addr,
				.end = symbols[i].addr + symbols[i].size,
			};
	}
	qsort(ret->list, ret->count, sizeof(*ret->list), compare);
	return NULL;
}

/** Note that what a symbol names has the size of its counterpart. */
static void
set_same(struct graft_covered_side *side, const struct graft_symbol *symbol)
{
	for (size_t i = GRAFT_SORTED_BELOW(side->list, side->count, addr,
					   symbol->addr);
	     i < side->count && side->list[i].addr == symbol->addr; i++) {
		if (side->list[i].end == symbol->addr + symbol->size)
			side->list[i].same = true;
	}
}

/** Compare each object of NEW with its counterpart. */
static void
compare_sizes(struct graft_covered *covered)
{
	const struct graft_diff *diff = covered->diff;
	size_t count;
	const struct graft_symbol *symbols =
		graft_image_symbols(diff->new_image, &count);

	for (size_t i = 0; i < count; i++) {
		if (!is_object(diff->new_image, &symbols[i]))
			continue;
		const struct graft_symbol *was = graft_names_old(diff->names,
								 &symbols[i]);
		if (was && was->type == STT_OBJECT &&
		    was->size == symbols[i].size) {
			set_same(&covered->old_side, was);
			set_same(&covered->new_side, &symbols[i]);
		} else if (!was &&
			   graft_names_is_new(diff->names, &symbols[i])) {
			set_same(&covered->new_side, &symbols[i]);
		}
	}
}

struct graft_error *
graft_covered_init(const struct graft_diff *diff, struct graft_covered *ret)
{
	struct graft_covered covered = { .diff = diff };
	struct graft_error *err = collect(diff->old_image, &covered.old_side);

	if (!err)
		err = collect(diff->new_image, &covered.new_side);
	if (err) {
		graft_covered_deinit(&covered);
		return err;
	}
	compare_sizes(&covered);
	*ret = covered;
	return NULL;
}

void
graft_covered_deinit(struct graft_covered *covered)
{
	free(covered->old_side.list);
	free(covered->new_side.list);
	*covered = (struct graft_covered){ 0 };
}

/** Say whether nobody names what is between two addresses, and it is no more than
 * what aligns the second. */
static bool
is_padding(const struct graft_code *code, uint64_t start, uint64_t end)
{
	return start >= end || (end - start < ALIGN_MAX &&
				graft_code_next_mark(code, start - 1) >= end);
}

static bool
is_covered(const struct graft_covered_side *side, const struct graft_code *code,
	   uint64_t start, uint64_t end)
{
	uint64_t at = start;

	for (size_t i = 0; i < side->count && side->list[i].addr < end; i++) {
		const struct graft_covered_object *object = &side->list[i];
		if (object->end <= start)
			continue;
		if (!object->same || !is_padding(code, at, object->addr))
			return false;
		if (object->end > at)
			at = object->end;
	}
	return is_padding(code, at, end);
}

bool
graft_covered_is(const struct graft_covered *covered,
		 const struct graft_covered_stretch *stretch)
{
	const struct graft_diff *diff = covered->diff;

	// Without a symbol table most objects have no name.
	return graft_image_has_symtab(diff->old_image) &&
	       graft_image_has_symtab(diff->new_image) &&
	       is_covered(&covered->new_side, diff->new_code,
			  stretch->new_start, stretch->new_end) &&
	       is_covered(&covered->old_side, diff->old_code,
			  stretch->old_start, stretch->old_end);
}
