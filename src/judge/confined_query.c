// SPDX-License-Identifier: Apache-2.0

// What the search of confined.h found, asked.

#include "judge/confined_search.h"

/** Say whether a part of a frame is copied as a whole: two members keep their
 * distance. */
static bool
is_copied(const struct graft_confined *all, uint32_t who, int64_t base,
	  int64_t end)
{
	for (size_t i = 0; i < all->copy_count; i++) {
		const struct graft_confined_copy *a = &all->copies[i];
		if (a->who != who || a->off < base || a->off >= end)
			continue;
		for (size_t k = 0; k < i; k++) {
			const struct graft_confined_copy *b = &all->copies[k];
			if (b->who == who && b->off >= base && b->off < end &&
			    b->off != a->off && b->out == a->out &&
			    b->distance == a->distance)
				return true;
		}
	}
	return false;
}

/** Say whether nobody but what was looked at has the address of an object. */
static bool
is_clean(const struct graft_confined *all, uint32_t who, int32_t base)
{
	int64_t end = (int64_t)base + 1;

	for (size_t i = 0; i < all->fact_count; i++) {
		const struct graft_confined_fact *fact = &all->facts[i];
		if (fact->who == who && fact->base == base && fact->end > end)
			end = fact->end;
	}
	for (size_t i = 0; i < all->mark_count; i++) {
		const struct graft_confined_mark *mark = &all->marks[i];
		if (mark->who == who &&
		    (mark->base == GRAFT_CONFINED_WHOLE ||
		     (mark->base >= base && mark->base < end)))
			return false;
	}
	return !is_copied(all, who, base, end);
}

/** Say whether an object cannot reach a word of its frame: its address does not
 * get about, and all that is reached through it ends below. */
static bool
ends_below(const struct graft_confined *all,
	   const struct graft_confined_place *object, int64_t word)
{
	if (object->wild || !is_clean(all, object->who, object->off))
		return false;
	for (size_t i = 0; i < all->fact_count; i++) {
		const struct graft_confined_fact *fact = &all->facts[i];
		if (fact->who == object->who && fact->base == object->off &&
		    fact->end > word)
			return false;
	}
	return true;
}

bool
graft_confined_is_trust_right(const struct graft_confined *all)
{
	for (size_t i = 0; i < all->trusted.count; i++) {
		const struct graft_confined_place *word = &all->trusted.list[i];
		for (size_t k = 0; k < all->exposed.count; k++) {
			const struct graft_confined_place *object =
				&all->exposed.list[k];
			if (object->who == word->who &&
			    object->off < word->off + 8 &&
			    !ends_below(all, object, word->off))
				return false;
		}
	}
	return true;
}

/** Say whether a frame is given up as a whole. */
static bool
is_given_up(const struct graft_confined *all, uint32_t who)
{
	for (size_t i = 0; i < all->mark_count; i++) {
		if (all->marks[i].who == who &&
		    all->marks[i].base == GRAFT_CONFINED_WHOLE)
			return true;
	}
	return false;
}

bool
graft_confined_holds(const struct graft_confined *confined,
		     const struct graft_op *op)
{
	size_t low = 0;
	size_t high = confined->fact_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (confined->facts[mid].insn < op->insn)
			low = mid + 1;
		else
			high = mid;
	}
	bool any = false;
	for (size_t i = low; i < confined->fact_count; i++) {
		const struct graft_confined_fact *fact = &confined->facts[i];
		if (fact->insn != op->insn)
			break;
		if (confined->gave_up || fact->who == GRAFT_NONE ||
		    !confined->match[fact->who].carried)
			return false;
		// Who has the address of the own frame is no matter here, as it
		// is none where the stack pointer itself is used.
		if (fact->own ? is_given_up(confined, fact->who)
			      : !is_clean(confined, fact->who, fact->base))
			return false;
		any = true;
	}
	return any;
}

/** Say whether one call hands over the address of a frame, and none but of
 * objects that live only there. */
static bool
gives_frames(const struct graft_confined *all,
	     const struct graft_confined_call *call)
{
	bool any = false;

	for (int i = 0; i < GRAFT_CONFINED_ARGUMENTS; i++) {
		const struct graft_confined_value *value = &call->arguments[i];
		if (value->kind != GRAFT_CONFINED_FRAME)
			continue;
		if (value->maybe || !all->match[value->who].carried ||
		    !is_clean(all, value->who, value->base))
			return false;
		any = true;
	}
	return any;
}

bool
graft_confined_is_given(const struct graft_confined *confined, uint32_t func)
{
	bool any = false;

	for (size_t i = 0; i < confined->call_count; i++) {
		if (confined->calls[i].func != func)
			continue;
		if (!gives_frames(confined, &confined->calls[i]))
			return false;
		any = true;
	}
	return any && !confined->gave_up;
}
