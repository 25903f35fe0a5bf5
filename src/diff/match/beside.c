// SPDX-License-Identifier: Apache-2.0

#include "diff/match/beside.h"

#include "diff/code/area.h"
#include "diff/constant/constant.h"
#include "diff/match/match.h"
#include "diff/match/names.h"
#include "diff/match/signature.h"

bool
graft_beside_is_counted(const struct graft_diff *diff, uint32_t new_func)
{
	const struct graft_symbol *symbol =
		diff->new_code->funcs[new_func].symbol;

	return symbol && graft_names_is_counted(diff->names, symbol);
}

/** Do two references name the same function, or two that nobody tells apart? */
static bool
same_code(const struct graft_diff *diff, const struct graft_ref *o,
	  const struct graft_ref *n)
{
	uint32_t of = graft_code_func_at(diff->old_code, o->target);
	uint32_t nf = graft_code_func_at(diff->new_code, n->target);

	if (of == GRAFT_NONE || nf == GRAFT_NONE)
		return of == nf;
	if (diff->new_match[nf].other != GRAFT_NONE ||
	    diff->old_match[of].other != GRAFT_NONE)
		return diff->new_match[nf].other == of;
	return graft_beside_is_counted(diff, nf);
}

/** Do two references name the same object, or two that nobody tells apart? */
static bool
same_object(const struct graft_diff *diff, const struct graft_ref *o,
	    const struct graft_ref *n)
{
	const struct graft_symbol *was = graft_image_object_at(diff->old_image,
							       o->target);
	const struct graft_symbol *is = graft_image_object_at(diff->new_image,
							      n->target);

	if (!was || !is || o->target - was->addr != n->target - is->addr)
		return false;
	const struct graft_symbol *known = graft_names_old(diff->names, is);
	if (known)
		return known->addr == was->addr;
	return graft_names_is_counted(diff->names, is) &&
	       graft_names_same_stem(was, is);
}

static bool
same_constant(const struct graft_diff *diff, const struct graft_ref *o,
	      const struct graft_ref *n)
{
	uint64_t len;
	bool plain = !graft_image_reloc_at(diff->old_image, o->target) &&
		     !graft_image_reloc_at(diff->new_image, n->target);
	bool read = n->kind == GRAFT_REF_MEMORY && n->access &&
		    o->kind == n->kind && o->access == n->access;

	if (plain &&
	    (read || graft_constant_text(diff->new_image, n->target, &len)))
		return graft_signature_ref(diff, false, o) ==
		       graft_signature_ref(diff, true, n);
	return same_object(diff, o, n);
}

/** Do two references of functions of the same form name the same? */
static bool
same_name(const struct graft_diff *diff, const struct graft_ref *o,
	  const struct graft_ref *n)
{
	enum graft_area area = graft_area_of(diff->new_image, n->target);

	if (n->kind == GRAFT_REF_TLS || o->kind == GRAFT_REF_TLS)
		return n->kind == o->kind && n->target == o->target;
	if (area != graft_area_of(diff->old_image, o->target))
		return false;
	switch (area) {
	case GRAFT_AREA_CODE:
		return same_code(diff, o, n);
	case GRAFT_AREA_PLT:
	case GRAFT_AREA_GOT:
		return graft_signature_ref(diff, false, o) ==
		       graft_signature_ref(diff, true, n);
	case GRAFT_AREA_CONSTANT:
		return same_constant(diff, o, n);
	case GRAFT_AREA_DATA:
		return same_object(diff, o, n);
	case GRAFT_AREA_NONE:
		break;
	}
	return graft_area_same_frame(diff->old_image, o->target,
				     diff->new_image, n->target);
}

/** Do a function and its counterpart have one form, and name the same? */
static bool
same_names(const struct graft_diff *diff, uint32_t taker)
{
	const struct graft_func_match *match = &diff->new_match[taker];
	const struct graft_func *nf = &diff->new_code->funcs[taker];

	if (match->other == GRAFT_NONE || !match->same_form)
		return false;
	const struct graft_func *of = &diff->old_code->funcs[match->other];
	for (uint32_t i = 0; i < nf->ref_count; i++) {
		if (!same_name(diff, &diff->old_code->refs[of->first_ref + i],
			       &diff->new_code->refs[nf->first_ref + i]))
			return false;
	}
	return true;
}

/** Has another function of OLD with the stem of a NEW one its very form? */
static bool
is_body_of_other_old(const struct graft_diff *diff, uint32_t new_func)
{
	const struct graft_func *nf = &diff->new_code->funcs[new_func];

	for (uint32_t o = 0; o < diff->old_code->func_count; o++) {
		const struct graft_func *of = &diff->old_code->funcs[o];
		if (of->hash == nf->hash && of->symbol &&
		    graft_names_same_stem(of->symbol, nf->symbol) &&
		    graft_match_same_form(diff, o, new_func))
			return true;
	}
	return false;
}

/** Has a function of NEW with the stem of an OLD one its very form? */
static bool
is_body_of_other_new(const struct graft_diff *diff, uint32_t old_func)
{
	const struct graft_func *of = &diff->old_code->funcs[old_func];

	for (uint32_t n = 0; of->symbol && n < diff->new_code->func_count;
	     n++) {
		const struct graft_func *nf = &diff->new_code->funcs[n];
		if (of->hash == nf->hash && nf->symbol &&
		    graft_names_same_stem(of->symbol, nf->symbol) &&
		    graft_match_same_form(diff, old_func, n))
			return true;
	}
	return false;
}

bool
graft_beside_tells(const struct graft_diff *diff, uint32_t taker,
		   uint32_t old_func, uint32_t new_func)
{
	if (!graft_beside_is_counted(diff, new_func))
		return true;
	if (!same_names(diff, taker))
		return false;
	// One that changed must not have become another of them: those moved.
	return graft_match_same_form(diff, old_func, new_func) ||
	       (!is_body_of_other_old(diff, new_func) &&
		!is_body_of_other_new(diff, old_func));
}
