// SPDX-License-Identifier: Apache-2.0

#include "diff/match/data.h"

#include "base/sorted.h"
#include "base/vec.h"
#include "diff/code/area.h"
#include "diff/code/past.h"
#include "diff/match/match.h"
#include "diff/match/names.h"

#include <string.h>

/** Add an observation. */
GRAFT_MUST_CHECK static struct graft_error *
add(struct graft_data_map *map, struct graft_sighting sighting)
{
	struct graft_error *err = graft_vec_reserve(&map->sightings, &map->cap,
						    map->count + 1,
						    sizeof(*map->sightings));
	if (err)
		return err;
	map->sightings[map->count++] = sighting;
	map->sorted = false;
	return NULL;
}

static int
by_new(const void *x, const void *y)
{
	const struct graft_sighting *a = x;
	const struct graft_sighting *b = y;

	if (a->new_addr != b->new_addr)
		return a->new_addr < b->new_addr ? -1 : 1;
	if (a->old_addr != b->old_addr)
		return a->old_addr < b->old_addr ? -1 : 1;
	return (a->witness < b->witness) - (a->witness > b->witness);
}

static int
by_old_addr(const void *x, const void *y)
{
	const struct graft_sighting *a = x;
	const struct graft_sighting *b = y;

	if (a->old_addr != b->old_addr)
		return a->old_addr < b->old_addr ? -1 : 1;
	return (a->new_addr > b->new_addr) - (a->new_addr < b->new_addr);
}

/** Put the strong observations by OLD address. */
static struct graft_error *
index_by_old(struct graft_data_map *map)
{
	free(map->by_old);
	map->by_old_count = 0;
	map->by_old = calloc(map->count + 1, sizeof(*map->by_old));
	if (!map->by_old)
		return graft_error_no_memory();
	for (size_t i = 0; i < map->count; i++) {
		if (map->sightings[i].witness >= GRAFT_WITNESS_REFERENCE)
			map->by_old[map->by_old_count++] = map->sightings[i];
	}
	if (map->by_old_count)
		qsort(map->by_old, map->by_old_count, sizeof(*map->by_old),
		      by_old_addr);
	return NULL;
}

/** Sort; needed before the map is asked. */
GRAFT_MUST_CHECK static struct graft_error *
sort(struct graft_data_map *map)
{
	// Millions of references name thousands of things: keep the best
	// observation of each pair of addresses.
	size_t kept = 0;

	if (map->sorted)
		return NULL;
	if (map->count)
		qsort(map->sightings, map->count, sizeof(*map->sightings),
		      by_new);
	for (size_t i = 0; i < map->count; i++) {
		struct graft_sighting *s = &map->sightings[i];
		struct graft_sighting *last = kept ? &map->sightings[kept - 1]
						   : NULL;
		if (last && last->new_addr == s->new_addr &&
		    last->old_addr == s->old_addr) {
			// A firm weak one does not make a strong one firm.
			if (s->witness == last->witness)
				last->firm |= s->firm;
			continue;
		}
		map->sightings[kept++] = *s;
	}
	map->count = kept;
	map->sorted = true;
	return index_by_old(map);
}

/** Find the first observation at or behind @p addr. */
static size_t
lower_bound(const struct graft_data_map *map, uint64_t addr)
{
	size_t low = 0;
	size_t high = map->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (map->sightings[mid].new_addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct graft_sighting *
graft_data_map_find(const struct graft_data_map *map, uint64_t new_addr,
		    size_t *count_ret)
{
	size_t first = lower_bound(map, new_addr);
	size_t end = first;

	while (end < map->count && map->sightings[end].new_addr == new_addr)
		end++;
	*count_ret = end - first;
	return &map->sightings[first];
}

/** Does code name @p target as data? */
static bool
is_data(const struct graft_image *image, const struct graft_ref *ref)
{
	if (ref->kind != GRAFT_REF_MEMORY && ref->kind != GRAFT_REF_ADDRESS)
		return false;
	enum graft_area area = graft_area_of(image, ref->target);
	return area == GRAFT_AREA_DATA || area == GRAFT_AREA_CONSTANT;
}

/**
 * Is the address inside the object that it belongs to? Where the order stayed,
 * neighbours say more of a bare address than who uses it.
 */
static bool
is_firm(const struct graft_diff *diff, const struct graft_ref *ref)
{
	return ref->kind == GRAFT_REF_MEMORY ||
	       (diff->data->reordered && ref->used);
}

static struct graft_error *
add_refs(struct graft_diff *diff, const struct graft_ref *o,
	 const struct graft_ref *n, enum graft_witness witness)
{
	if (o->kind != n->kind || !is_data(diff->new_image, n))
		return NULL;
	// An operand with an index may name what stands beside its object.
	if ((o->folded && o->back) || (n->folded && n->back))
		return NULL;
	// The end of one thing says nothing of what follows it.
	if (graft_past_same(o, n))
		return NULL;
	return add(diff->data,
		   (struct graft_sighting){
			   .new_addr = n->target,
			   .old_addr = o->target,
			   .witness = (uint8_t)witness,
			   .firm = is_firm(diff, o) && is_firm(diff, n),
		   });
}

/** Pair up the references of two functions of the same form. */
static struct graft_error *
add_same_form(struct graft_diff *diff, const struct graft_func *o,
	      const struct graft_func *n, enum graft_witness witness)
{
	for (uint32_t i = 0; i < n->ref_count; i++) {
		struct graft_error *err = add_refs(
			diff, &diff->old_code->refs[o->first_ref + i],
			&diff->new_code->refs[n->first_ref + i], witness);
		if (err)
			return err;
	}
	return NULL;
}

/** Pair up the references of aligned instructions of two changed functions. */
static struct graft_error *
add_aligned(struct graft_diff *diff, uint32_t old_func, uint32_t new_func)
{
	GRAFT_FREE struct graft_insn_pair *pairs = NULL;
	size_t count = 0;
	struct graft_error *err = graft_diff_align(diff, old_func, new_func,
						   &pairs, &count);

	for (size_t i = 0; !err && i < count; i++) {
		uint32_t o;
		uint32_t n;
		if (graft_insn_pair_refs(diff, &pairs[i], &o, &n))
			err = add_refs(diff, &diff->old_code->refs[o],
				       &diff->new_code->refs[n],
				       GRAFT_WITNESS_ALIGNED);
	}
	return err;
}

struct graft_error *
graft_data_map_fill(struct graft_diff *diff)
{
	diff->data->reordered = graft_match_is_reordered(diff);
	for (uint32_t n = 0; n < diff->new_code->func_count; n++) {
		const struct graft_func_match *match = &diff->new_match[n];
		struct graft_error *err;

		if (match->other == GRAFT_NONE)
			continue;
		// Who wrote nothing but other lines wrote no other names.
		if (match->same_form || match->only_lines)
			err = add_same_form(
				diff, &diff->old_code->funcs[match->other],
				&diff->new_code->funcs[n],
				match->evidence > GRAFT_EVIDENCE_ORDER
					? GRAFT_WITNESS_REFERENCE
					: GRAFT_WITNESS_NEIGHBOURS);
		else
			err = add_aligned(diff, match->other, n);
		if (err)
			return err;
	}
	return sort(diff->data);
}

/** Ask the symbols: an object of the same name, file and size on both sides. */
static bool
ask_symbols(const struct graft_diff *diff, uint64_t new_addr,
	    uint64_t *old_addr_ret)
{
	const struct graft_symbol *n = graft_image_object_at(diff->new_image,
							     new_addr);

	if (!n)
		return false;
	const struct graft_symbol *o = graft_names_old(diff->names, n);
	if (!o || o->type != STT_OBJECT || o->size != n->size)
		return false;
	*old_addr_ret = o->addr + (new_addr - n->addr);
	return true;
}

/** A strong observation next to an address, in the same sections. */
static const struct graft_sighting *
strong_neighbour(const struct graft_diff *diff, uint64_t addr, bool behind)
{
	const struct graft_data_map *map = diff->data;
	const struct graft_section *section =
		graft_image_section_at(diff->new_image, addr);
	size_t at = lower_bound(map, behind ? addr + 1 : addr);

	while (section && (behind ? at < map->count : at > 0)) {
		const struct graft_sighting *s =
			&map->sightings[behind ? at : at - 1];
		if (s->new_addr < section->addr ||
		    s->new_addr - section->addr >= section->size)
			return NULL;
		if (s->witness >= GRAFT_WITNESS_REFERENCE)
			return s;
		at += behind ? 1 : (size_t)-1;
	}
	return NULL;
}

const struct graft_sighting *
graft_data_map_near(const struct graft_diff *diff, uint64_t new_addr,
		    bool behind)
{
	return strong_neighbour(diff, behind ? new_addr : new_addr + 1, behind);
}

/** Is the section of the same size on both sides, so that its ends support? */
static bool
same_section_size(const struct graft_diff *diff, uint64_t new_addr,
		  uint64_t old_addr)
{
	const struct graft_section *n = graft_image_section_at(diff->new_image,
							       new_addr);
	const struct graft_section *o = graft_image_section_at(diff->old_image,
							       old_addr);

	return n && o && n->size == o->size && strcmp(n->name, o->name) == 0 &&
	       new_addr - n->addr == old_addr - o->addr;
}

/** Do the neighbours on both sides have moved as far as this address? */
static bool
neighbours_agree(const struct graft_diff *diff, uint64_t new_addr,
		 uint64_t old_addr)
{
	const struct graft_sighting *left = strong_neighbour(diff, new_addr,
							     false);
	const struct graft_sighting *right = strong_neighbour(diff, new_addr,
							      true);
	uint64_t shift = new_addr - old_addr;

	if (left && left->new_addr - left->old_addr != shift)
		return false;
	if (right && right->new_addr - right->old_addr != shift)
		return false;
	if (left && right)
		return true;
	return same_section_size(diff, new_addr, old_addr);
}

bool
graft_data_map_is_contested(const struct graft_data_map *map,
			    const struct graft_sighting *sighting)
{
	for (size_t i = GRAFT_SORTED_BELOW(map->by_old, map->by_old_count,
					   old_addr, sighting->old_addr);
	     i < map->by_old_count &&
	     map->by_old[i].old_addr == sighting->old_addr;
	     i++) {
		const struct graft_sighting *other = &map->by_old[i];
		// A bare address may be the end of one thing and the start of
		// another, which moved apart.
		if (other->new_addr != sighting->new_addr &&
		    (other->firm || !sighting->firm))
			return true;
	}
	return false;
}

bool
graft_data_map_agreed(const struct graft_diff *diff, uint64_t new_addr,
		      uint64_t *old_addr_ret)
{
	size_t count;
	const struct graft_sighting *s = graft_data_map_find(diff->data,
							     new_addr, &count);
	bool strong = false;

	for (size_t i = 0; i < count; i++) {
		if (s[i].old_addr != s[0].old_addr ||
		    graft_data_map_is_contested(diff->data, &s[i]))
			return false;
		strong |= s[i].witness >= GRAFT_WITNESS_REFERENCE;
	}
	if (strong)
		*old_addr_ret = s[0].old_addr;
	return strong;
}

/** How far a neighbour moved in its section, or its section's edge did. */
static bool
shift_beside(const struct graft_diff *diff, const struct graft_section *o,
	     const struct graft_section *n, uint64_t addr, bool behind,
	     int64_t *ret)
{
	const struct graft_sighting *s = strong_neighbour(diff, addr, behind);

	*ret = behind ? (int64_t)(n->size - o->size) : 0;
	if (!s)
		return true;
	if (s->old_addr - o->addr >= o->size)
		return false;
	*ret = (int64_t)((s->new_addr - n->addr) - (s->old_addr - o->addr));
	return true;
}

bool
graft_data_map_in_order(const struct graft_diff *diff, uint64_t new_addr,
			uint64_t old_addr)
{
	const struct graft_section *n = graft_image_section_at(diff->new_image,
							       new_addr);
	const struct graft_section *o = graft_image_section_at(diff->old_image,
							       old_addr);
	int64_t left;
	int64_t right;

	if (diff->data->reordered || !n || !o ||
	    strcmp(n->name, o->name) != 0 ||
	    !shift_beside(diff, o, n, new_addr, false, &left) ||
	    !shift_beside(diff, o, n, new_addr, true, &right))
		return true;
	int64_t shift = (int64_t)((new_addr - n->addr) - (old_addr - o->addr));
	return shift >= (left < right ? left : right) &&
	       shift <= (left < right ? right : left);
}

enum graft_witness
graft_diff_old_data(const struct graft_diff *diff, uint64_t new_addr,
		    uint64_t *old_addr_ret)
{
	if (ask_symbols(diff, new_addr, old_addr_ret))
		return GRAFT_WITNESS_SYMBOL;

	size_t count;
	const struct graft_sighting *s = graft_data_map_find(diff->data,
							     new_addr, &count);
	const struct graft_sighting *best = NULL;
	for (size_t i = 0; i < count; i++) {
		if (!best || s[i].witness > best->witness)
			best = &s[i];
	}
	for (size_t i = 0; best && i < count; i++) {
		// Two observations of the same weight that disagree.
		if (s[i].witness == best->witness &&
		    s[i].old_addr != best->old_addr)
			return GRAFT_WITNESS_CONFLICT;
	}
	if (best && graft_data_map_is_contested(diff->data, best))
		return GRAFT_WITNESS_CONFLICT;
	if (best && best->witness >= GRAFT_WITNESS_REFERENCE) {
		if (!best->firm &&
		    !neighbours_agree(diff, new_addr, best->old_addr))
			return GRAFT_WITNESS_CONFLICT;
		*old_addr_ret = best->old_addr;
		return (enum graft_witness)best->witness;
	}
	if (best && neighbours_agree(diff, new_addr, best->old_addr)) {
		*old_addr_ret = best->old_addr;
		return (enum graft_witness)best->witness;
	}
	if (best)
		return GRAFT_WITNESS_CONFLICT;

	const struct graft_sighting *left = strong_neighbour(diff, new_addr,
							     false);
	if (!left)
		return GRAFT_WITNESS_NONE;
	uint64_t guess = new_addr - (left->new_addr - left->old_addr);
	if (!neighbours_agree(diff, new_addr, guess))
		return GRAFT_WITNESS_NONE;
	*old_addr_ret = guess;
	return GRAFT_WITNESS_NEIGHBOURS;
}
