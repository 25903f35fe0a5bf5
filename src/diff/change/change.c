// SPDX-License-Identifier: Apache-2.0

#include "diff/change/change.h"

#include "diff/change/around.h"
#include "diff/change/line.h"
#include "diff/change/lsda_same.h"
#include "diff/code/area.h"
#include "diff/code/main.h"
#include "diff/code/past.h"
#include "diff/code/table.h"
#include "diff/constant/constant.h"
#include "diff/constant/spread.h"
#include "diff/match/data.h"
#include "diff/match/match.h"

#include <string.h>

struct graft_error *
graft_change_same_slot(struct graft_diff *diff, uint64_t old_slot,
		       uint64_t new_slot, bool *ret)
{
	const struct graft_reloc *o = graft_image_reloc_at(diff->old_image,
							   old_slot);
	const struct graft_reloc *n = graft_image_reloc_at(diff->new_image,
							   new_slot);

	if (o && n)
		return graft_constant_same_pointer(diff, o, n, ret);
	*ret = false;
	if (o || n)
		return NULL;
	const uint8_t *ob = graft_image_bytes(diff->old_image, old_slot, 8);
	const uint8_t *nb = graft_image_bytes(diff->new_image, new_slot, 8);
	*ret = ob && nb && memcmp(ob, nb, 8) == 0;
	return NULL;
}

/**
 * Are these stubs of nobody? A static program has one for a weak function that it
 * does not define, and no relocation fills its slot: it is never called.
 */
static bool
same_dead_stub(const struct graft_diff *diff, uint64_t old_addr,
	       uint64_t new_addr)
{
	const struct graft_section *o = graft_image_section_at(diff->old_image,
							       old_addr);
	const struct graft_section *n = graft_image_section_at(diff->new_image,
							       new_addr);

	return o && n && o->size == n->size &&
	       old_addr - o->addr == new_addr - n->addr &&
	       strcmp(o->name, n->name) == 0;
}

static struct graft_error *
same_plt(struct graft_diff *diff, uint64_t old_addr, uint64_t new_addr,
	 bool *ret)
{
	const struct graft_plt *o = graft_image_plt_at(diff->old_image,
						       old_addr);
	const struct graft_plt *n = graft_image_plt_at(diff->new_image,
						       new_addr);

	*ret = !o && !n && same_dead_stub(diff, old_addr, new_addr);
	if (!o || !n)
		return NULL;
	// What a resolver of this module chose has no name.
	if (!o->reloc->symbol && !n->reloc->symbol)
		return graft_change_same_slot(diff, o->slot, n->slot, ret);
	if (!o->reloc->symbol || !n->reloc->symbol)
		return NULL;
	const char *ov = o->reloc->symbol->version;
	const char *nv = n->reloc->symbol->version;
	*ret = strcmp(o->reloc->symbol->name, n->reloc->symbol->name) == 0 &&
	       strcmp(ov ? ov : "", nv ? nv : "") == 0;
	return NULL;
}

/** Do two places of code correspond? */
static bool
same_code(const struct graft_diff *diff, uint64_t old_addr, uint64_t new_addr)
{
	uint32_t o = graft_code_func_at(diff->old_code, old_addr);
	uint32_t n = graft_code_func_at(diff->new_code, new_addr);

	uint64_t between;
	if (n == GRAFT_NONE && graft_match_between(diff, new_addr, &between))
		return between == old_addr;
	if (o == GRAFT_NONE || n == GRAFT_NONE)
		return o == n &&
		       graft_area_same_frame(diff->old_image, old_addr,
					     diff->new_image, new_addr);
	if (diff->new_match[n].other != o)
		return false;
	uint64_t off = new_addr - diff->new_code->funcs[n].addr;
	return off == old_addr - diff->old_code->funcs[o].addr &&
	       (off == 0 || diff->new_match[n].same_form ||
		diff->new_match[n].only_lines);
}

static bool
same_table(const struct graft_diff *diff, uint64_t old_addr, uint32_t old_count,
	   uint64_t new_addr, uint32_t new_count)
{
	if (old_count != new_count)
		return false;
	for (uint32_t i = 0; i < new_count; i++) {
		if (!same_code(diff,
			       graft_table_target(diff->old_code, old_addr, i),
			       graft_table_target(diff->new_code, new_addr, i)))
			return false;
	}
	return true;
}

static uint32_t
count_table(const struct graft_code *code, uint32_t func, uint64_t addr)
{
	return graft_table_count(code, func, addr,
				 graft_code_next_start(code, addr) - addr);
}

static struct graft_error *
same_constant(struct graft_diff *diff, uint32_t func, const struct graft_ref *o,
	      const struct graft_ref *n, bool *ret)
{
	if (n->kind == GRAFT_REF_ADDRESS) {
		uint32_t of = diff->new_match[func].other;
		uint32_t oc = count_table(diff->old_code, of, o->target);
		uint32_t nc = count_table(diff->new_code, func, n->target);
		if (oc && nc) {
			*ret = same_table(diff, o->target, oc, n->target, nc);
			return NULL;
		}
	}
	uint32_t spread = graft_spread_count(diff->new_code, n);
	if (spread) {
		if (graft_spread_count(diff->old_code, o) == spread)
			return graft_spread_same(diff, o->target, n->target,
						 spread, ret);
		*ret = false;
		return NULL;
	}
	uint64_t access = n->kind == GRAFT_REF_MEMORY ? n->access : 0;
	struct graft_error *err = graft_constant_equal(diff, o->target,
						       n->target, access, ret);
	if (err || !*ret || !n->back)
		return err;
	return graft_constant_equal_before(diff, o->target, n->target, ret);
}

struct graft_error *
graft_change_same_frame(struct graft_diff *diff, const struct graft_ref *o,
			const struct graft_ref *n, bool *ret)
{
	*ret = graft_area_same_frame(diff->old_image, o->target,
				     diff->new_image, n->target);
	if (!*ret || !n->back)
		return NULL;
	return graft_constant_equal_before(diff, o->target, n->target, ret);
}

/** Does everybody who names this NEW address name the same OLD one? */
static bool
same_data(const struct graft_diff *diff, uint64_t old_addr, uint64_t new_addr)
{
	uint64_t addr;
	size_t count;

	if (graft_diff_old_data(diff, new_addr, &addr) > GRAFT_WITNESS_CONFLICT)
		return addr == old_addr;
	const struct graft_sighting *s = graft_data_map_find(diff->data,
							     new_addr, &count);
	for (size_t i = 0; i < count; i++) {
		if (s[i].old_addr != old_addr ||
		    graft_data_map_is_contested(diff->data, &s[i]))
			return false;
	}
	return count > 0 && graft_data_map_in_order(diff, new_addr, old_addr);
}

struct graft_error *
graft_change_compare_refs(struct graft_diff *diff, uint32_t func,
			  const struct graft_ref *o, const struct graft_ref *n,
			  uint8_t *change)
{
	struct graft_error *err = NULL;
	bool same = false;
	uint8_t kind = GRAFT_CHANGE_REFERENCE;

	if (n->folded != o->folded) {
		*change |= kind;
		return NULL;
	}
	// Where the walk starts is a reference of its own.
	if (graft_past_same(o, n))
		return NULL;
	if (n->kind == GRAFT_REF_TLS) {
		same = o->target == n->target;
	} else {
		enum graft_area area = graft_area_of(diff->new_image,
						     n->target);
		if (graft_area_of(diff->old_image, o->target) != area) {
			// What follows an end of section may have come or gone.
			if (!graft_area_same_end(diff->old_image, o->target,
						 diff->new_image, n->target))
				*change |= kind;
			return NULL;
		}
		switch (area) {
		case GRAFT_AREA_CODE:
			same = same_code(diff, o->target, n->target);
			break;
		case GRAFT_AREA_PLT:
			err = same_plt(diff, o->target, n->target, &same);
			break;
		case GRAFT_AREA_GOT:
			// lld puts the slots of the PLT behind the data, whose
			// end the startup code takes.
			same = n->kind == GRAFT_REF_ADDRESS &&
			       o->kind == GRAFT_REF_ADDRESS &&
			       graft_area_same_end(diff->old_image, o->target,
						   diff->new_image, n->target);
			if (!same)
				err = graft_change_same_slot(diff, o->target,
							     n->target, &same);
			break;
		case GRAFT_AREA_CONSTANT:
			kind = GRAFT_CHANGE_CONSTANT;
			err = same_constant(diff, func, o, n, &same);
			break;
		case GRAFT_AREA_DATA:
			same = same_data(diff, o->target, n->target);
			break;
		case GRAFT_AREA_NONE:
			err = graft_change_same_frame(diff, o, n, &same);
			break;
		}
	}
	// An index may lead from there into something else.
	if (!err && same && n->folded && n->back)
		err = graft_around_same(diff, o, n, &same);
	if (!err && !same)
		*change |= kind;
	return err;
}

static struct graft_error *
compare_func(struct graft_diff *diff, uint32_t n, uint8_t *change)
{
	const struct graft_func_match *match = &diff->new_match[n];
	const struct graft_func *of = &diff->old_code->funcs[match->other];
	const struct graft_func *nf = &diff->new_code->funcs[n];

	if (!match->same_form && !match->only_lines) {
		*change = GRAFT_CHANGE_FORM;
		return NULL;
	}
	for (uint32_t i = 0; i < nf->ref_count; i++) {
		struct graft_error *err = graft_change_compare_refs(
			diff, n, &diff->old_code->refs[of->first_ref + i],
			&diff->new_code->refs[nf->first_ref + i], change);
		if (err)
			return err;
	}
	bool same = false;
	struct graft_error *err = graft_lsda_same(diff, of, nf, &same);
	if (err)
		return err;
	if (!same)
		*change |= GRAFT_CHANGE_UNWIND;
	// A function whose lines differ is left as it is only if nothing else
	// differs; see docs/decisions/line-numbers.md.
	if (match->only_lines && (*change || diff->carry_lines))
		*change |= GRAFT_CHANGE_FORM;
	return NULL;
}

/** Does a pair of references name two texts? */
static bool
names_text(const struct graft_diff *diff, const struct graft_ref *o,
	   const struct graft_ref *n)
{
	uint64_t len;

	return n->kind == GRAFT_REF_ADDRESS &&
	       graft_constant_text(diff->old_image, o->target, &len) &&
	       graft_constant_text(diff->new_image, n->target, &len);
}

/**
 * Leave `main` alone if it differs in nothing but text.
 *
 * A carried `main` could never be switched to: a thread is always inside.
 */
static struct graft_error *
leave_main(struct graft_diff *diff)
{
	uint32_t n = graft_main_find(diff->new_code);

	if (n == GRAFT_NONE || diff->new_match[n].other == GRAFT_NONE ||
	    diff->new_match[n].change != GRAFT_CHANGE_CONSTANT)
		return NULL;
	const struct graft_func *of =
		&diff->old_code->funcs[diff->new_match[n].other];
	const struct graft_func *nf = &diff->new_code->funcs[n];
	for (uint32_t i = 0; i < nf->ref_count; i++) {
		const struct graft_ref *o =
			&diff->old_code->refs[of->first_ref + i];
		const struct graft_ref *r =
			&diff->new_code->refs[nf->first_ref + i];
		uint8_t change = 0;
		struct graft_error *err = graft_change_compare_refs(diff, n, o,
								    r, &change);
		if (err)
			return err;
		if (change && !names_text(diff, o, r))
			return NULL;
	}
	diff->new_match[n].change = 0;
	diff->old_match[diff->new_match[n].other].change = 0;
	diff->changed_count--;
	diff->left_main = n;
	return NULL;
}

/** A group with a member that the other side does not have has changed. */
static void
mark_unmatched(const struct graft_code *code, struct graft_func_match *match)
{
	for (uint32_t i = 0; i < code->func_count; i++) {
		if (match[i].other == GRAFT_NONE)
			match[code->funcs[i].group].change |=
				GRAFT_CHANGE_GROUP;
	}
}

/** Spread a change over the groups of both sides, until nothing moves. */
static void
spread(struct graft_diff *diff)
{
	bool moved = true;

	mark_unmatched(diff->old_code, diff->old_match);
	mark_unmatched(diff->new_code, diff->new_match);
	while (moved) {
		moved = false;
		for (uint32_t n = 0; n < diff->new_code->func_count; n++) {
			struct graft_func_match *nm = &diff->new_match[n];
			if (nm->other == GRAFT_NONE)
				continue;
			uint32_t old_group =
				diff->old_code->funcs[nm->other].group;
			uint32_t new_group = diff->new_code->funcs[n].group;
			struct graft_func_match *om =
				&diff->old_match[old_group];
			struct graft_func_match *gm =
				&diff->new_match[new_group];
			// The lowest function of a group carries its mark.
			bool marked = nm->change || om->change || gm->change;
			if (!marked || (nm->change && om->change && gm->change))
				continue;
			nm->change |= nm->change ? 0 : GRAFT_CHANGE_GROUP;
			om->change |= om->change ? 0 : GRAFT_CHANGE_GROUP;
			gm->change |= gm->change ? 0 : GRAFT_CHANGE_GROUP;
			moved = true;
		}
	}
	for (uint32_t n = 0; n < diff->new_code->func_count; n++) {
		struct graft_func_match *nm = &diff->new_match[n];
		if (nm->other != GRAFT_NONE && nm->change)
			diff->old_match[nm->other].change = nm->change;
	}
}

struct graft_error *
graft_change_find_lines(struct graft_diff *diff)
{
	GRAFT_CLEANUP(graft_line_prover_deinit)
	struct graft_line_prover prover = { 0 };
	struct graft_error *err = graft_line_prover_init(diff, &prover);

	for (uint32_t n = 0; !err && n < diff->new_code->func_count; n++) {
		struct graft_func_match *match = &diff->new_match[n];
		if (match->other != GRAFT_NONE && !match->same_form)
			err = graft_line_only_differs(&prover, match->other, n,
						      &match->only_lines);
	}
	return err;
}

struct graft_error *
graft_change_find(struct graft_diff *diff)
{
	struct graft_error *err = NULL;

	for (uint32_t n = 0; n < diff->new_code->func_count; n++) {
		struct graft_func_match *match = &diff->new_match[n];
		if (match->other == GRAFT_NONE)
			continue;
		err = compare_func(diff, n, &match->change);
		if (err)
			return err;
		diff->old_match[match->other].change = match->change;
		diff->changed_count += match->change != 0;
	}
	err = leave_main(diff);
	if (err)
		return err;
	spread(diff);
	return NULL;
}
