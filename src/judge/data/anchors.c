// SPDX-License-Identifier: Apache-2.0

#include "judge/data/anchors.h"

#include "base/sorted.h"
#include "base/vec.h"
#include "diff/match/data.h"

#include <stdlib.h>

static bool
is_inside(const struct graft_section *section, uint64_t addr)
{
	return section && addr - section->addr < section->size;
}

static struct graft_error *
add(const struct graft_diff *diff, struct graft_anchors *anchors,
    uint64_t new_addr)
{
	uint64_t old_addr;

	if (!is_inside(anchors->new_section, new_addr) ||
	    graft_is_in_new_object(diff, new_addr))
		return NULL;
	// Where objects changed places, or a new one moved those behind it on,
	// neighbours cannot confirm a bare address.
	if (graft_diff_old_data(diff, new_addr, &old_addr) <
		    GRAFT_WITNESS_ALIGNED &&
	    !((diff->data->reordered || anchors->has_new) &&
	      graft_data_map_agreed(diff, new_addr, &old_addr)))
		return NULL;
	struct graft_error *err =
		graft_vec_reserve(&anchors->list, &anchors->cap,
				  anchors->count + 1, sizeof(*anchors->list));
	if (err)
		return err;
	anchors->list[anchors->count++] = (struct graft_anchor){
		.new_addr = new_addr,
		.old_addr = old_addr,
	};
	return NULL;
}

static int
compare(const void *a, const void *b)
{
	const struct graft_anchor *x = a;
	const struct graft_anchor *y = b;

	return (x->new_addr > y->new_addr) - (x->new_addr < y->new_addr);
}

static void
sort(struct graft_anchors *anchors)
{
	size_t kept = 0;

	if (anchors->count)
		qsort(anchors->list, anchors->count, sizeof(*anchors->list),
		      compare);
	for (size_t i = 0; i < anchors->count; i++) {
		if (kept && anchors->list[kept - 1].new_addr ==
				    anchors->list[i].new_addr)
			continue;
		anchors->list[kept++] = anchors->list[i];
	}
	anchors->count = kept;
}

struct graft_error *
graft_anchors_collect(const struct graft_diff *diff,
		      const struct graft_section *new_section,
		      struct graft_anchors *ret)
{
	GRAFT_CLEANUP(graft_anchors_deinit)
	struct graft_anchors anchors = {
		.old_section = graft_image_section_named(diff->old_image,
							 new_section->name),
		.new_section = new_section,
		.has_new = graft_new_bytes_between(
				   diff, new_section->addr,
				   new_section->addr + new_section->size) > 0,
	};
	struct graft_error *err = NULL;
	uint64_t last = 0;

	for (size_t i = 0; !err && diff->data && i < diff->data->count; i++) {
		uint64_t addr = diff->data->sightings[i].new_addr;
		if (i == 0 || addr != last)
			err = add(diff, &anchors, addr);
		last = addr;
	}
	size_t count;
	const struct graft_symbol *symbols =
		graft_image_symbols(diff->new_image, &count);
	for (size_t i = 0; !err && i < count; i++) {
		if (symbols[i].defined && symbols[i].type == STT_OBJECT)
			err = add(diff, &anchors, symbols[i].addr);
	}
	if (err)
		return err;
	sort(&anchors);
	*ret = anchors;
	anchors = (struct graft_anchors){ 0 };
	return NULL;
}

void
graft_anchors_deinit(struct graft_anchors *anchors)
{
	free(anchors->list);
	*anchors = (struct graft_anchors){ 0 };
}

/** Find the first anchor behind an address; its index, or the count. */
static size_t
first_behind(const struct graft_anchors *anchors, uint64_t new_addr)
{
	return GRAFT_SORTED_UP_TO(anchors->list, anchors->count, new_addr,
				  new_addr);
}

uint64_t
graft_anchors_next(const struct graft_anchors *anchors, uint64_t new_addr)
{
	size_t at = first_behind(anchors, new_addr);

	return at < anchors->count ? anchors->list[at].new_addr : UINT64_MAX;
}

struct graft_candidates
graft_anchors_ask(const struct graft_anchors *anchors, uint64_t new_addr)
{
	struct graft_candidates answer = { 0 };
	size_t low = first_behind(anchors, new_addr);

	if (low > 0) {
		const struct graft_anchor *below = &anchors->list[low - 1];
		answer.old_addr[0] = below->old_addr +
				     (new_addr - below->new_addr);
		if (below->new_addr == new_addr) {
			answer.old_addr[1] = answer.old_addr[0];
			return answer;
		}
	}
	if (low < anchors->count) {
		const struct graft_anchor *above = &anchors->list[low];
		answer.old_addr[1] = above->old_addr -
				     (above->new_addr - new_addr);
	}
	// Before the first, behind the last: as far from the section's edge.
	const struct graft_section *o = anchors->old_section;
	const struct graft_section *n = anchors->new_section;
	if (!o)
		return answer;
	if (low == 0)
		answer.old_addr[0] = o->addr + (new_addr - n->addr);
	if (low == anchors->count)
		answer.old_addr[1] = o->addr + o->size -
				     (n->addr + n->size - new_addr);
	return answer;
}

uint64_t
graft_new_bytes_between(const struct graft_diff *diff, uint64_t start,
			uint64_t end)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < diff->piece_count; i++) {
		const struct graft_piece *piece = &diff->pieces[i];
		if (piece->writable && piece->addr >= start &&
		    piece->addr < end)
			bytes += piece->size;
	}
	return bytes;
}

bool
graft_is_in_new_object(const struct graft_diff *diff, uint64_t new_addr)
{
	for (size_t i = 0; i < diff->piece_count; i++) {
		const struct graft_piece *piece = &diff->pieces[i];
		if (piece->writable && new_addr - piece->addr < piece->size)
			return true;
	}
	return false;
}
