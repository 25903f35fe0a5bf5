// SPDX-License-Identifier: Apache-2.0

// R-01 where both sides have symbols: two objects of NEW stand for one of OLD.
//
// Code that stays the same names what OLD's code names at its place, whatever it is
// called; a carried function finds its objects by name. Where unchanged code was
// given another variable, and changed code goes on with the old one, both end at the
// same bytes of OLD. In NEW they are two.

#include "judge/rules/checks.h"

#include "base/vec.h"
#include "diff/code/area.h"

#include <stdlib.h>
#include <string.h>

/** An object of NEW, and the bytes of OLD that stand for it. */
struct stand {
	uint64_t old_start;
	uint64_t old_end;
	const struct graft_symbol *object;
	const struct graft_symbol *old_object;
};

struct stands {
	struct stand *list;
	size_t count;
	size_t cap;
};

static void
stands_deinit(struct stands *stands)
{
	free(stands->list);
}

/** The writable object that has an address inside, or NULL. */
static const struct graft_symbol *
object_at(const struct graft_image *image, uint64_t addr)
{
	return graft_area_of(image, addr) == GRAFT_AREA_DATA
		       ? graft_image_object_at(image, addr)
		       : NULL;
}

/** Add that an address of NEW is one of OLD, if both are inside of objects. */
static struct graft_error *
add(struct stands *stands, const struct graft_diff *diff, uint64_t new_addr,
    uint64_t old_addr)
{
	const struct graft_symbol *n = object_at(diff->new_image, new_addr);
	const struct graft_symbol *o = object_at(diff->old_image, old_addr);

	if (!n || !o)
		return NULL;
	// It may have grown, or lie in a larger one of OLD.
	uint64_t before = new_addr - n->addr;
	uint64_t behind = n->size - before;
	struct stand stand = {
		.old_start = old_addr - o->addr < before ? o->addr
							 : old_addr - before,
		.old_end = o->addr + o->size - old_addr < behind
				   ? o->addr + o->size
				   : old_addr + behind,
		.object = n,
		.old_object = o,
	};
	struct graft_error *err = graft_vec_reserve(&stands->list, &stands->cap,
						    stands->count + 1,
						    sizeof(*stands->list));
	if (!err)
		stands->list[stands->count++] = stand;
	return err;
}

/** Does an object that has a name end right there? */
static const char *
what_ends_at(const struct graft_image *image, uint64_t addr)
{
	const struct graft_symbol *symbol = object_at(image, addr - 1);

	return symbol && symbol->addr + symbol->size == addr ? symbol->name
							     : NULL;
}

/** Is an address that code takes the start of what stands there, and no end of what
 * stands before it, nor a way into or around it? */
static bool
is_start(const struct graft_diff *diff, const struct graft_ref *o,
	 const struct graft_ref *n)
{
	const struct graft_symbol *old_object = object_at(diff->old_image,
							  o->target);
	const struct graft_symbol *new_object = object_at(diff->new_image,
							  n->target);

	if (!old_object || !new_object || old_object->addr != o->target ||
	    new_object->addr != n->target)
		return false;
	const char *was = what_ends_at(diff->old_image, o->target);
	const char *is = what_ends_at(diff->new_image, n->target);
	return !was || !is || strcmp(was, is) != 0;
}

/** Do two references of unchanged code show what is inside of an object? */
static bool
shows_object(const struct graft_diff *diff, const struct graft_ref *o,
	     const struct graft_ref *n)
{
	if (o->kind != n->kind || o->end_of || n->end_of || o->clones ||
	    n->clones)
		return false;
	if (n->kind == GRAFT_REF_MEMORY)
		return true;
	return n->kind == GRAFT_REF_ADDRESS &&
	       ((o->used && n->used) || is_start(diff, o, n));
}

/** Collect what a function of NEW names for which OLD's goes on to run. */
static struct graft_error *
add_unchanged(struct stands *stands, const struct graft_diff *diff,
	      uint32_t func)
{
	const struct graft_func_match *match = &diff->new_match[func];
	const struct graft_func *n = &diff->new_code->funcs[func];
	struct graft_error *err = NULL;

	if (match->carried || match->other == GRAFT_NONE ||
	    !(match->same_form || match->only_lines))
		return NULL;
	const struct graft_func *o = &diff->old_code->funcs[match->other];
	if (o->ref_count != n->ref_count)
		return NULL;
	for (uint32_t i = 0; !err && i < n->ref_count; i++) {
		const struct graft_ref *was =
			&diff->old_code->refs[o->first_ref + i];
		const struct graft_ref *is =
			&diff->new_code->refs[n->first_ref + i];
		if (shows_object(diff, was, is))
			err = add(stands, diff, is->target, was->target);
	}
	return err;
}

static struct graft_error *
collect(struct stands *stands, const struct graft_diff *diff)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < diff->resolution_count; i++) {
		const struct graft_resolution *known = &diff->resolutions[i];
		const struct graft_ref *ref = &diff->new_code->refs[known->ref];
		if (known->place == GRAFT_PLACE_OLD &&
		    known->thing == GRAFT_THING_DATA && !ref->end_of &&
		    !ref->clones)
			err = add(stands, diff, ref->target, known->old_addr);
	}
	for (size_t i = 0; !err && i < diff->pointer_count; i++) {
		const struct graft_pointer *pointer = &diff->pointers[i];
		const struct graft_reloc *reloc = graft_image_reloc_at(
			diff->new_image, pointer->new_addr);
		if (reloc && pointer->place == GRAFT_PLACE_OLD &&
		    !pointer->copy)
			err = add(stands, diff,
				  (reloc->symbol ? reloc->symbol->addr : 0) +
					  (uint64_t)reloc->addend,
				  pointer->value);
	}
	for (uint32_t i = 0; !err && i < diff->new_code->func_count; i++)
		err = add_unchanged(stands, diff, i);
	return err;
}

static int
by_object(const void *a, const void *b)
{
	const struct stand *x = a;
	const struct stand *y = b;

	if (x->old_start != y->old_start)
		return x->old_start < y->old_start ? -1 : 1;
	if (x->object->addr != y->object->addr)
		return x->object->addr < y->object->addr ? -1 : 1;
	return (x->old_end > y->old_end) - (x->old_end < y->old_end);
}

/** Sort, and leave one of those that say the same. */
static void
settle(struct stands *stands)
{
	size_t kept = 0;

	if (stands->count)
		qsort(stands->list, stands->count, sizeof(*stands->list),
		      by_object);
	for (size_t i = 0; i < stands->count; i++) {
		if (!kept ||
		    by_object(&stands->list[kept - 1], &stands->list[i]) != 0)
			stands->list[kept++] = stands->list[i];
	}
	stands->count = kept;
}

/** Have two objects no byte in common? One may have two names. */
static bool
are_two(const struct graft_symbol *a, const struct graft_symbol *b)
{
	return a->addr + a->size <= b->addr || b->addr + b->size <= a->addr;
}

struct graft_error *
graft_check_two_for_one(struct graft_case *c)
{
	GRAFT_CLEANUP(stands_deinit) struct stands stands = { 0 };
	struct graft_error *err = collect(&stands, c->diff);

	settle(&stands);
	for (size_t i = 0; !err && i < stands.count; i++) {
		const struct stand *a = &stands.list[i];
		for (size_t k = i + 1; !err && k < stands.count; k++) {
			const struct stand *b = &stands.list[k];
			if (b->old_start >= a->old_end)
				break;
			if (!are_two(a->object, b->object))
				continue;
			struct graft_place_text where = graft_place_data(
				c->diff->old_image, b->old_start);
			err = graft_case_refuse(
				c, GRAFT_RULE_REFERENCE, where.str,
				"`%s` and `%s` of NEW both stand for `%s` of OLD",
				a->object->name, b->object->name,
				b->old_object->name);
		}
	}
	return err;
}
