// SPDX-License-Identifier: Apache-2.0

#include "diff/match/laid_out.h"

#include "base/vec.h"
#include "diff/match/shape.h"

enum {
	/** Calls within calls that are followed. */
	DEPTH_MAX = 4,
};

static struct graft_error *
add_element(struct graft_laid_out *s, uint64_t hash, uint32_t insn,
	    uint32_t site)
{
	struct graft_error *err = graft_vec_reserve(
		&s->hashes, &s->hash_cap, s->count + 1, sizeof(*s->hashes));
	if (!err)
		err = graft_vec_reserve(&s->insns, &s->insn_cap, s->count + 1,
					sizeof(*s->insns));
	if (!err)
		err = graft_vec_reserve(&s->places, &s->place_cap, s->count + 1,
					sizeof(*s->places));
	if (!err)
		err = graft_vec_reserve(&s->others, &s->other_cap, s->count + 1,
					sizeof(*s->others));
	if (err)
		return err;
	s->hashes[s->count] = hash;
	s->others[s->count] = 0;
	s->insns[s->count] = insn;
	s->places[s->count++] = site;
	s->sites[site].told++;
	return NULL;
}

/** Does a function call another of its build? */
static bool
calls(const struct graft_code *code, uint32_t func, uint32_t callee)
{
	const struct graft_func *f = &code->funcs[func];

	for (uint32_t i = 0; i < f->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[f->first_ref + i];
		if (ref->kind == GRAFT_REF_BRANCH &&
		    ref->target == code->funcs[callee].addr)
			return true;
	}
	return false;
}

/**
 * Find the function of OLD that an instruction calls, and that NEW's version of
 * the caller does not; or #GRAFT_NONE. What has a counterpart may be another.
 */
static uint32_t
gone_callee(const struct graft_diff *diff, uint32_t new_func,
	    const struct graft_insn *insn)
{
	const struct graft_code *code = diff->old_code;

	if (insn->ref == GRAFT_NONE ||
	    code->refs[insn->ref].kind != GRAFT_REF_BRANCH)
		return GRAFT_NONE;
	uint32_t callee =
		graft_code_func_starting(code, code->refs[insn->ref].target);
	if (callee == GRAFT_NONE)
		return callee;
	uint32_t other = diff->old_match[callee].other;
	return other != GRAFT_NONE && calls(diff->new_code, new_func, other)
		       ? GRAFT_NONE
		       : callee;
}

struct graft_error *
graft_laid_out_add(const struct graft_diff *diff, uint32_t func,
		   uint32_t new_func, unsigned depth, struct graft_laid_out *s)
{
	bool new_side = new_func == GRAFT_NONE;
	const struct graft_code *code = new_side ? diff->new_code
						 : diff->old_code;
	const struct graft_func *f = &code->funcs[func];
	uint32_t site = (uint32_t)s->site_count;
	GRAFT_FREE uint64_t *hashes = NULL;
	struct graft_error *err = graft_shape_hash(diff, new_side, func,
						   &hashes);

	if (!err)
		err = graft_vec_reserve(&s->sites, &s->site_cap,
					s->site_count + 1, sizeof(*s->sites));
	if (!err)
		s->sites[s->site_count++] = (struct graft_laid_out_site){ 0 };
	for (uint32_t i = 0;
	     !err && i < f->insn_count && s->count < GRAFT_LAID_OUT_MAX; i++) {
		uint32_t insn = f->first_insn + i;
		uint32_t callee = new_side ? GRAFT_NONE
					   : gone_callee(diff, new_func,
							 &code->insns[insn]);
		if (callee != GRAFT_NONE && depth < DEPTH_MAX)
			err = graft_laid_out_add(diff, callee, new_func,
						 depth + 1, s);
		else if (hashes[i])
			err = add_element(s, hashes[i], insn, site);
	}
	return err;
}

void
graft_laid_out_deinit(struct graft_laid_out *sequence)
{
	free(sequence->hashes);
	free(sequence->insns);
	free(sequence->places);
	free(sequence->others);
	free(sequence->sites);
}
