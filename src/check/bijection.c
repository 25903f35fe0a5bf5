// SPDX-License-Identifier: Apache-2.0

// The correspondence of writable objects, seen as a whole: each byte of NEW's
// data that is named has one byte of OLD or the shadow, and the other way round.
//
// A reference is (object, offset). One past the end of an object is the start of
// the next in the same bytes, so an address that is only compared may be the end
// of what lies before it: then the references right below it, on both sides,
// must be one pair.

#include "check/walk.h"

/** References sorted by their address on one side. */
struct side {
	struct graft_walk_ref *refs;
	size_t count;
	bool old;
};

static uint64_t
addr_of(const struct graft_walk_ref *ref, bool old)
{
	return old ? ref->old_addr : ref->new_addr;
}

/** The distance between the two; the same within one object. */
static uint64_t
distance_of(const struct graft_walk_ref *ref)
{
	return ref->old_addr - ref->new_addr;
}

static int
by_old(const void *x, const void *y)
{
	const struct graft_walk_ref *a = x;
	const struct graft_walk_ref *b = y;

	return (a->old_addr > b->old_addr) - (a->old_addr < b->old_addr);
}

static int
by_new(const void *x, const void *y)
{
	const struct graft_walk_ref *a = x;
	const struct graft_walk_ref *b = y;

	return (a->new_addr > b->new_addr) - (a->new_addr < b->new_addr);
}

/** Sort what is no end by its address on one side. */
static struct graft_error *
sort_side(const struct graft_walk_list *list, bool old, struct side *ret)
{
	struct graft_walk_ref *refs = calloc(list->count + 1, sizeof(*refs));
	size_t count = 0;

	if (!refs)
		return graft_error_no_memory();
	for (size_t i = 0; i < list->count; i++) {
		if (!list->refs[i].end)
			refs[count++] = list->refs[i];
	}
	if (count)
		qsort(refs, count, sizeof(*refs), old ? by_old : by_new);
	*ret = (struct side){ refs, count, old };
	return NULL;
}

/** The reference with the highest address below one, or NULL. */
static const struct graft_walk_ref *
below(const struct side *side, uint64_t addr)
{
	size_t low = 0;
	size_t high = side->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (addr_of(&side->refs[mid], side->old) < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &side->refs[low - 1] : NULL;
}

/** Decide of each likely end whether it is one; the others are starts. */
static void
decide_ends(struct graft_walk *walk, const struct side *old_side,
	    const struct side *new_side)
{
	for (size_t i = 0; i < walk->objects.count; i++) {
		struct graft_walk_ref *ref = &walk->objects.refs[i];
		if (!ref->end)
			continue;
		const struct graft_walk_ref *o = below(old_side, ref->old_addr);
		const struct graft_walk_ref *n = below(new_side, ref->new_addr);
		ref->end = o && n && distance_of(o) == distance_of(ref) &&
			   distance_of(n) == distance_of(ref);
		walk->result->ends += ref->end;
	}
}

/** See that no byte of one side stands for two of the other. */
static struct graft_error *
sweep(struct graft_walk *walk, const struct side *side)
{
	const struct graft_walk_ref *cover = NULL;
	uint64_t end = 0;

	for (size_t i = 0; i < side->count; i++) {
		const struct graft_walk_ref *ref = &side->refs[i];
		uint64_t addr = addr_of(ref, side->old);
		if (cover && addr < end &&
		    distance_of(cover) != distance_of(ref))
			return graft_walk_differ(
				walk, &ref->site, ref->old_addr, ref->new_addr,
				"this object of %s stands for another one "
				"elsewhere: OLD 0x%llx and NEW 0x%llx were one",
				side->old ? "OLD" : "NEW",
				(unsigned long long)cover->old_addr,
				(unsigned long long)cover->new_addr);
		uint64_t stop = addr + (ref->len ? ref->len : 1);
		if (!cover || stop > end) {
			cover = ref;
			end = stop;
		}
	}
	return NULL;
}

static struct graft_error *
sweep_side(struct graft_walk *walk, bool old)
{
	struct side side = { 0 };
	struct graft_error *err = sort_side(&walk->objects, old, &side);

	if (!err)
		err = sweep(walk, &side);
	free(side.refs);
	return err;
}

struct graft_error *
graft_object_check_all(struct graft_walk *walk)
{
	struct side old_side = { 0 };
	struct side new_side = { 0 };
	struct graft_error *err = sort_side(&walk->objects, true, &old_side);

	if (!err)
		err = sort_side(&walk->objects, false, &new_side);
	if (!err)
		decide_ends(walk, &old_side, &new_side);
	free(old_side.refs);
	free(new_side.refs);
	if (!err)
		err = sweep_side(walk, false);
	return err ? err : sweep_side(walk, true);
}
