// SPDX-License-Identifier: Apache-2.0

// `&table[-1]`, where a walk backwards ends, and `table[i - 12]` compile to an
// address in front of the table: inside of whatever stands there, or the start of
// it. What stands there is the linker's choice, so it may be a thing of its own in
// one build and another one, or one that is new, in the other.

#include "diff/closure/question.h"

#include "diff/code/flow.h"
#include "diff/match/names.h"

enum {
	/** How far in front of an object, or behind its end, code may begin to count,
	 * in bytes. */
	REACH = 1 << 16,
};

/** What is asked: is an address in code that of the object that covers it? */
struct front {
	const struct graft_question *q;
	/** The object of NEW that covers the address. */
	const struct graft_symbol *object;
	/** Where the address is in OLD if it belongs to that object; NULL if OLD has
	 * no such object. */
	const uint64_t *old_addr;
};

/** Find where an address of OLD stands in NEW if it belongs to the object of OLD
 * that covers it; false if nothing covers it there. */
static bool
own_place(const struct graft_diff *diff, uint64_t old_addr, uint64_t *ret)
{
	const struct graft_symbol *o = graft_image_object_at(diff->old_image,
							     old_addr);
	const struct graft_symbol *n = o ? graft_names_new(diff->names, o)
					 : NULL;

	if (!n)
		return false;
	*ret = n->addr + (old_addr - o->addr);
	return true;
}

/**
 * Did everything that the address may be of, or in front or at the end of, move as
 * far? Then it is the same place, whose ever it is.
 */
static bool
moved_alike(const struct front *front)
{
	const struct graft_diff *diff = front->q->closure->diff;
	uint64_t target = front->q->ref->target;
	const struct graft_section *section =
		graft_image_section_at(diff->new_image, target);
	size_t count;
	const struct graft_symbol *symbols =
		graft_image_symbols(diff->new_image, &count);

	// What has no symbol may have moved otherwise.
	if (!front->old_addr || !graft_image_has_symtab(diff->old_image) ||
	    !graft_image_has_symtab(diff->new_image))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct graft_symbol *n = &symbols[i];
		if (n->type != STT_OBJECT || n->addr > target + REACH ||
		    n->addr + n->size + REACH < target ||
		    graft_image_section_at(diff->new_image, n->addr) != section)
			continue;
		const struct graft_symbol *o = graft_names_old(diff->names, n);
		if (!o || o->size != n->size ||
		    o->addr - *front->old_addr != n->addr - target)
			return false;
	}
	return true;
}

/** Is there another object from which both addresses are as far? */
static bool
is_as_far(const struct front *front, uint64_t old_addr)
{
	const struct graft_diff *diff = front->q->closure->diff;
	uint64_t target = front->q->ref->target;
	const struct graft_section *section =
		graft_image_section_at(diff->new_image, target);
	size_t count;
	const struct graft_symbol *symbols =
		graft_image_symbols(diff->new_image, &count);

	for (size_t i = 0; i < count; i++) {
		const struct graft_symbol *n = &symbols[i];
		if (n->type != STT_OBJECT || n == front->object ||
		    graft_image_section_at(diff->new_image, n->addr) != section)
			continue;
		const struct graft_symbol *o = graft_names_old(diff->names, n);
		if (o && o->addr - old_addr == n->addr - target)
			return true;
	}
	return false;
}

/**
 * Does the old version of the function take an address that may be this one, if
 * it belongs to another object?
 *
 * What the function still takes as often, where its own object stands now, is
 * explained by that.
 */
static bool
was_of_another(const struct front *front)
{
	const struct graft_diff *diff = front->q->closure->diff;
	uint32_t func = front->q->resolution->func;
	uint32_t old_func = diff->new_match[func].other;

	if (old_func == GRAFT_NONE)
		return false;
	const struct graft_func *f = &diff->old_code->funcs[old_func];
	for (uint32_t i = 0; i < f->ref_count; i++) {
		const struct graft_ref *ref =
			&diff->old_code->refs[f->first_ref + i];
		uint64_t own;
		if (ref->kind != GRAFT_REF_ADDRESS ||
		    (front->old_addr && ref->target == *front->old_addr) ||
		    !is_as_far(front, ref->target))
			continue;
		if (!own_place(diff, ref->target, &own) ||
		    graft_question_count_taken(diff->new_code, func, own) <
			    graft_question_count_taken(diff->old_code, old_func,
						       ref->target))
			return true;
	}
	return false;
}

/** Find the nearest object of NEW that starts at or behind an address, or NULL. */
static const struct graft_symbol *
next_object(const struct graft_image *image, uint64_t addr)
{
	const struct graft_symbol *next = NULL;
	size_t count;
	const struct graft_symbol *symbols = graft_image_symbols(image, &count);

	for (size_t i = 0; i < count; i++) {
		if (symbols[i].type == STT_OBJECT && symbols[i].addr >= addr &&
		    (!next || symbols[i].addr < next->addr))
			next = &symbols[i];
	}
	return next;
}

/**
 * Is an address inside of an object, which the old version of the function did
 * not take, used with an index, while the object behind moved otherwise?
 */
static bool
may_be_of_next(const struct front *front)
{
	const struct graft_diff *diff = front->q->closure->diff;
	const struct graft_symbol *object = front->object;
	uint64_t target = front->q->ref->target;
	uint32_t old_func = diff->new_match[front->q->resolution->func].other;

	if (!front->old_addr || target == object->addr ||
	    (old_func != GRAFT_NONE &&
	     graft_question_count_taken(diff->old_code, old_func,
					*front->old_addr)))
		return false;
	const struct graft_symbol *next =
		next_object(diff->new_image, object->addr + object->size);
	const struct graft_symbol *o = next ? graft_names_old(diff->names, next)
					    : NULL;
	return o && o->addr - *front->old_addr != next->addr - target;
}

/** Does the code that takes the address show whose it is? */
static struct graft_error *
ask_code(const struct front *front, bool *ret)
{
	const struct graft_diff *diff = front->q->closure->diff;
	const struct graft_ref *ref = front->q->ref;
	const struct graft_symbol *object = front->object;
	const struct graft_func *f =
		&diff->new_code->funcs[front->q->resolution->func];
	uint64_t room = object->addr + object->size - ref->target;
	GRAFT_CLEANUP(graft_flow_deinit) struct graft_flow flow = { 0 };

	*ret = false;
	if (ref->insn + 1 >= f->first_insn + f->insn_count)
		return NULL;
	struct graft_error *err = graft_flow_init(diff->new_code, &flow);
	flow.is_address = true;
	if (!err)
		err = graft_flow_follow(&flow, ref->insn + 1, ref->reg);
	if (err)
		return err;
	// More than there is, or steps that are longer.
	*ret = flow.used > room || flow.stride > object->size;
	if (!*ret && !flow.used && !ref->used)
		*ret = was_of_another(front) ||
		       (flow.stride && may_be_of_next(front));
	return NULL;
}

struct graft_error *
graft_question_front(const struct graft_question *q, const uint64_t *old_addr,
		     bool *done)
{
	const struct graft_diff *diff = q->closure->diff;
	uint64_t target = q->ref->target;
	const struct graft_symbol *object =
		graft_image_object_at(diff->new_image, target);
	const struct front front = { q, object, old_addr };

	*done = false;
	// Only what stands in code itself can be followed.
	if (!object || q->ref->kind != GRAFT_REF_ADDRESS ||
	    q->resolution->func == GRAFT_NONE ||
	    q->ref != &diff->new_code->refs[q->resolution->ref])
		return NULL;
	// Where symbols say nothing, they do not mislead either.
	if (!old_addr && !graft_names_is_new(diff->names, object))
		return NULL;
	// Both builds take it at the same place of the object, whose ever it is.
	if (old_addr && q->partner && q->partner->kind == q->ref->kind &&
	    q->partner->target == *old_addr)
		return NULL;
	if (moved_alike(&front))
		return NULL;
	struct graft_error *err = ask_code(&front, done);
	if (err || !*done)
		return err;
	return graft_closure_find(
		q->closure, graft_question_finding(q, GRAFT_FINDING_CONFLICT),
		"0x%llx is in %.80s, but the code may mean another object, in front of which it is",
		(unsigned long long)target, object->name);
}
