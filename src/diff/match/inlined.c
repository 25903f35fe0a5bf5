// SPDX-License-Identifier: Apache-2.0

#include "diff/match/inlined.h"

#include "base/vec.h"
#include "diff/code/area.h"
#include "diff/match/align.h"
#include "diff/match/shape.h"

enum {
	/** Calls within calls that are followed. */
	DEPTH_MAX = 4,
	/** Instructions that are put side by side. */
	ELEMENTS_MAX = 1 << 14,
	/** So much of a callee has to be found again: FOUND of OF. */
	FOUND = 2,
	OF = 3,
};

/** Code that stands in one place: the caller's own, or that of one call. */
struct site {
	uint32_t told;
	uint32_t found;
};

/** Instructions that tell something, in their order. */
struct sequence {
	uint64_t *hashes;
	size_t hash_cap;
	uint32_t *insns;
	size_t insn_cap;
	/** Site of each. */
	uint32_t *places;
	size_t place_cap;
	/** 1 + index of what stands for it on the other side, or 0. */
	uint32_t *others;
	size_t other_cap;
	size_t count;
	struct site *sites;
	size_t site_count;
	size_t site_cap;
};

static void
deinit(struct sequence *sequence)
{
	free(sequence->hashes);
	free(sequence->insns);
	free(sequence->places);
	free(sequence->others);
	free(sequence->sites);
}

static struct graft_error *
add_element(struct sequence *s, uint64_t hash, uint32_t insn, uint32_t site)
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

/**
 * Add a function's code, with that of what it calls and NEW's version does not.
 *
 * @param[in] new_func NEW's version of the caller, or #GRAFT_NONE: @p func is one
 * of NEW.
 */
static struct graft_error *
add_func(const struct graft_diff *diff, uint32_t func, uint32_t new_func,
	 unsigned depth, struct sequence *s)
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
		s->sites[s->site_count++] = (struct site){ 0 };
	for (uint32_t i = 0;
	     !err && i < f->insn_count && s->count < ELEMENTS_MAX; i++) {
		uint32_t insn = f->first_insn + i;
		uint32_t callee = new_side ? GRAFT_NONE
					   : gone_callee(diff, new_func,
							 &code->insns[insn]);
		if (callee != GRAFT_NONE && depth < DEPTH_MAX)
			err = add_func(diff, callee, new_func, depth + 1, s);
		else if (hashes[i])
			err = add_element(s, hashes[i], insn, site);
	}
	return err;
}

/** Find the reference to writable data that an instruction has, or NULL. */
static const struct graft_ref *
data_ref(const struct graft_code *code, uint32_t insn)
{
	uint32_t at = code->insns[insn].ref;
	const struct graft_ref *ref = at == GRAFT_NONE ? NULL : &code->refs[at];

	return ref &&
			       (ref->kind == GRAFT_REF_MEMORY ||
				ref->kind == GRAFT_REF_ADDRESS) &&
			       !ref->end_of && !ref->clones &&
			       graft_area_of(code->image, ref->target) ==
				       GRAFT_AREA_DATA
		       ? ref
		       : NULL;
}

static struct graft_error *
add_pair(struct graft_inlined *inlined, uint64_t new_addr, uint64_t old_addr)
{
	struct graft_error *err =
		graft_vec_reserve(&inlined->pairs, &inlined->cap,
				  inlined->count + 1, sizeof(*inlined->pairs));

	if (!err)
		inlined->pairs[inlined->count++] = (struct graft_inlined_pair){
			.new_addr = new_addr, .old_addr = old_addr
		};
	return err;
}

/** Note what two instructions name that stand for each other. */
static struct graft_error *
note(const struct graft_diff *diff, uint32_t old_insn, uint32_t new_insn,
     struct graft_inlined *inlined)
{
	const struct graft_ref *o = data_ref(diff->old_code, old_insn);
	const struct graft_ref *n = data_ref(diff->new_code, new_insn);

	return o && n ? add_pair(inlined, n->target, o->target) : NULL;
}

/** Was enough of a site found again? */
static bool
is_found(const struct site *site)
{
	return site->found * OF >= site->told * FOUND;
}

/** Was enough found of the site in which an element stands? */
static bool
was_found(const struct sequence *s, size_t i)
{
	return is_found(&s->sites[s->places[i]]);
}

/**
 * Find the only address that instructions name which do the same, of those that
 * found none in the order; 0: there are none, or two.
 */
static uint64_t
only_left(const struct graft_code *code, const struct sequence *s,
	  uint64_t hash)
{
	uint64_t found = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct graft_ref *ref =
			s->hashes[i] == hash && !s->others[i]
				? data_ref(code, s->insns[i])
				: NULL;
		if (!ref)
			continue;
		if (found && ref->target != found)
			return 0;
		found = ref->target;
	}
	return found;
}

/**
 * Pair what is left: a compiler that schedules moves a load or a store across
 * others. The only thing of OLD that is named so, and the only one of NEW.
 */
static struct graft_error *
pair_left(const struct graft_diff *diff, const struct sequence *o,
	  const struct sequence *n, struct graft_inlined *inlined)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < o->count; i++) {
		if (o->others[i] || !was_found(o, i) ||
		    !data_ref(diff->old_code, o->insns[i]))
			continue;
		uint64_t old_addr = only_left(diff->old_code, o, o->hashes[i]);
		uint64_t new_addr = only_left(diff->new_code, n, o->hashes[i]);
		if (old_addr && new_addr)
			err = add_pair(inlined, new_addr, old_addr);
	}
	return err;
}

/** Elements of a sequence that are aligned by themselves. */
struct part {
	uint64_t *hashes;
	uint32_t *elements;
	size_t count;
};

static void
part_deinit(struct part *part)
{
	free(part->hashes);
	free(part->elements);
}

/** Take what has no counterpart: of one site, or (#GRAFT_NONE) of all. */
static struct graft_error *
part_make(const struct sequence *s, uint32_t site, struct part *ret)
{
	*ret = (struct part){
		.hashes = calloc(s->count + 1, sizeof(*ret->hashes)),
		.elements = calloc(s->count + 1, sizeof(*ret->elements)),
	};
	if (!ret->hashes || !ret->elements)
		return graft_error_no_memory();
	for (uint32_t i = 0; i < s->count; i++) {
		if (s->others[i] ||
		    (site != GRAFT_NONE && s->places[i] != site))
			continue;
		ret->hashes[ret->count] = s->hashes[i];
		ret->elements[ret->count++] = i;
	}
	return NULL;
}

/** Align what has no counterpart yet: of one site of OLD, or of all. */
static struct graft_error *
align_site(struct sequence *o, struct sequence *n, uint32_t site)
{
	struct part a = { 0 };
	struct part b = { 0 };
	GRAFT_FREE struct graft_align_pair *same = NULL;
	size_t count = 0;
	struct graft_error *err = part_make(o, site, &a);

	if (!err)
		err = part_make(n, GRAFT_NONE, &b);
	if (!err)
		err = graft_align(a.hashes, a.count, b.hashes, b.count, &same,
				  &count);
	for (size_t i = 0; !err && i < count; i++) {
		uint32_t x = a.elements[same[i].a];
		uint32_t y = b.elements[same[i].b];
		o->others[x] = y + 1;
		n->others[y] = x + 1;
		o->sites[o->places[x]].found++;
	}
	part_deinit(&a);
	part_deinit(&b);
	return err;
}

/** Take back what was found of a site. */
static void
forget(struct sequence *o, struct sequence *n, uint32_t site)
{
	o->sites[site].found = 0;
	for (size_t i = 0; i < o->count; i++) {
		if (o->places[i] != site || !o->others[i])
			continue;
		n->others[o->others[i] - 1] = 0;
		o->others[i] = 0;
	}
}

/**
 * Put two sequences side by side. A callee that is not found where it was called
 * is looked for in what is left: compilers put it where they want it.
 */
static struct graft_error *
compare(const struct graft_diff *diff, struct sequence *o, struct sequence *n,
	struct graft_inlined *inlined)
{
	struct graft_error *err = align_site(o, n, GRAFT_NONE);

	for (uint32_t i = 1; !err && i < o->site_count; i++) {
		if (is_found(&o->sites[i]))
			continue;
		forget(o, n, i);
		err = align_site(o, n, i);
	}
	for (size_t i = 0; !err && i < o->count; i++) {
		if (o->others[i] && was_found(o, i))
			err = note(diff, o->insns[i],
				   n->insns[o->others[i] - 1], inlined);
	}
	return err ? err : pair_left(diff, o, n, inlined);
}

struct graft_error *
graft_inlined_look(const struct graft_diff *diff, uint32_t new_func,
		   struct graft_inlined *inlined)
{
	uint32_t old_func = diff->new_match[new_func].other;
	struct sequence o = { 0 };
	struct sequence n = { 0 };
	struct graft_error *err = NULL;

	if (inlined->known && inlined->func == new_func)
		return NULL;
	inlined->func = new_func;
	inlined->known = true;
	inlined->count = 0;
	if (old_func == GRAFT_NONE)
		return NULL;
	err = add_func(diff, old_func, new_func, 0, &o);
	// Nothing was called that is gone.
	if (!err && o.site_count > 1)
		err = add_func(diff, new_func, GRAFT_NONE, 0, &n);
	if (!err && o.count < ELEMENTS_MAX && n.count < ELEMENTS_MAX)
		err = compare(diff, &o, &n, inlined);
	deinit(&o);
	deinit(&n);
	return err;
}

void
graft_inlined_deinit(struct graft_inlined *inlined)
{
	free(inlined->pairs);
	*inlined = (struct graft_inlined){ 0 };
}

bool
graft_inlined_shows(const struct graft_inlined *inlined, uint64_t new_addr,
		    uint64_t old_addr)
{
	bool shown = false;

	for (size_t i = 0; i < inlined->count; i++) {
		const struct graft_inlined_pair *pair = &inlined->pairs[i];
		if ((pair->new_addr == new_addr) !=
		    (pair->old_addr == old_addr))
			return false;
		shown |= pair->new_addr == new_addr;
	}
	return shown;
}
