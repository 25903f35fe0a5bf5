// SPDX-License-Identifier: Apache-2.0

#include "diff/match/thread_local.h"

#include <string.h>

const struct graft_segment *
graft_thread_local_segment(const struct graft_image *image)
{
	size_t count;
	const struct graft_segment *segments = graft_image_segments(image,
								    &count);

	for (size_t i = 0; i < count; i++) {
		if (segments[i].type == PT_TLS)
			return &segments[i];
	}
	return NULL;
}

/** Get where something stands in the block: that of a program ends, rounded up,
 * where %fs points (ELF Handling For Thread-Local Storage, variant II). */
static uint64_t
place_in_block(const struct graft_segment *segment, uint64_t target)
{
	uint64_t align = segment->align ? segment->align : 1;

	return target + (segment->mem_size + align - 1) / align * align;
}

/** Find the only thread-local variable that stands at a place, or that has a
 * name; NULL if there is none, or another. */
static const struct graft_symbol *
find_variable(const struct graft_image *image, uint64_t place, const char *name)
{
	const struct graft_symbol *found = NULL;
	size_t count;
	const struct graft_symbol *symbols = graft_image_symbols(image, &count);

	for (size_t i = 0; i < count; i++) {
		const struct graft_symbol *symbol = &symbols[i];
		if (symbol->type != STT_TLS || !symbol->defined ||
		    symbol->dynamic || !symbol->name[0] ||
		    (name ? strcmp(symbol->name, name) != 0
			  : place - symbol->addr >= symbol->size))
			continue;
		if (found)
			return NULL;
		found = symbol;
	}
	return found;
}

bool
graft_thread_local_is_same(const struct graft_diff *diff, uint64_t target)
{
	const struct graft_segment *o =
		graft_thread_local_segment(diff->old_image);
	const struct graft_segment *n =
		graft_thread_local_segment(diff->new_image);

	if (!o || !n)
		return false;
	uint64_t place = place_in_block(n, target);
	const struct graft_symbol *is = find_variable(diff->new_image, place,
						      NULL);
	if (!is || place != place_in_block(o, target) ||
	    find_variable(diff->new_image, 0, is->name) != is)
		return false;
	const struct graft_symbol *was = find_variable(diff->old_image, 0,
						       is->name);
	return was && was == find_variable(diff->old_image, place, NULL) &&
	       was->addr == is->addr && was->size == is->size &&
	       strcmp(was->file ? was->file : "", is->file ? is->file : "") ==
		       0;
}
