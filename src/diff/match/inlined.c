// SPDX-License-Identifier: Apache-2.0

#include "diff/match/inlined.h"

#include "base/vec.h"
#include "diff/code/area.h"
#include "diff/match/align.h"
#include "diff/match/laid_out.h"

enum {
	/** Calls that are compared with each other. */
	SITES_MAX = 64,
	/** So much of a callee has to be found again: FOUND of OF. */
	FOUND = 2,
	OF = 3,
};

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

static bool
is_enough(const struct graft_laid_out_site *site, size_t found)
{
	return found * OF >= (size_t)site->told * FOUND;
}

static bool
was_found(const struct graft_laid_out *s, size_t i)
{
	const struct graft_laid_out_site *site = &s->sites[s->places[i]];

	return !site->alike && is_enough(site, site->found);
}

/**
 * Find the only address that instructions name which do the same, of those that
 * found none in the order; 0: there are none, or two.
 */
static uint64_t
only_left(const struct graft_code *code, const struct graft_laid_out *s,
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
pair_left(const struct graft_diff *diff, const struct graft_laid_out *o,
	  const struct graft_laid_out *n, struct graft_inlined *inlined)
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

/** Take all of one site, or (#GRAFT_NONE) what has no counterpart of all. */
static struct graft_error *
part_make(const struct graft_laid_out *s, uint32_t site, struct part *ret)
{
	*ret = (struct part){
		.hashes = calloc(s->count + 1, sizeof(*ret->hashes)),
		.elements = calloc(s->count + 1, sizeof(*ret->elements)),
	};
	if (!ret->hashes || !ret->elements)
		return graft_error_no_memory();
	for (uint32_t i = 0; i < s->count; i++) {
		if (site == GRAFT_NONE ? s->others[i] : s->places[i] != site)
			continue;
		ret->hashes[ret->count] = s->hashes[i];
		ret->elements[ret->count++] = i;
	}
	return NULL;
}

/** Two parts, and which of their elements go with each other. */
struct beside {
	struct part a;
	struct part b;
	struct graft_align_pair *same;
	size_t count;
};

static void
beside_deinit(struct beside *beside)
{
	part_deinit(&beside->a);
	part_deinit(&beside->b);
	free(beside->same);
}

/** Align parts of two sequences. @param[out] ret beside_deinit(), always. */
static struct graft_error *
beside_make(const struct graft_laid_out *a, uint32_t a_site,
	    const struct graft_laid_out *b, uint32_t b_site, struct beside *ret)
{
	*ret = (struct beside){ 0 };
	struct graft_error *err = part_make(a, a_site, &ret->a);

	if (!err)
		err = part_make(b, b_site, &ret->b);
	return err ? err
		   : graft_align(ret->a.hashes, ret->a.count, ret->b.hashes,
				 ret->b.count, &ret->same, &ret->count);
}

/** Align what has no counterpart yet: of one site of OLD, or of all. */
static struct graft_error *
align_site(struct graft_laid_out *o, struct graft_laid_out *n, uint32_t site)
{
	struct beside beside;
	struct graft_error *err = beside_make(o, site, n, GRAFT_NONE, &beside);

	for (size_t i = 0; !err && i < beside.count; i++) {
		uint32_t x = beside.a.elements[beside.same[i].a];
		uint32_t y = beside.b.elements[beside.same[i].b];
		o->others[x] = y + 1;
		n->others[y] = x + 1;
		o->sites[o->places[x]].found++;
	}
	beside_deinit(&beside);
	return err;
}

/**
 * Note of a site if other code is as like it, and names other data where it names
 * some: only the order would say which is which, and that is no witness.
 *
 * @param[in] s Where the other code is: another site of OLD, or (with #GRAFT_NONE)
 * what is left of NEW's function.
 */
static struct graft_error *
mark_alike(const struct graft_diff *diff, struct graft_laid_out *o,
	   uint32_t site, const struct graft_laid_out *s, uint32_t other)
{
	const struct graft_code *code = o == s ? diff->old_code
					       : diff->new_code;
	struct beside beside;
	struct graft_error *err = beside_make(o, site, s, other, &beside);
	bool enough = !err && is_enough(&o->sites[site], beside.count);

	for (size_t i = 0; enough && i < beside.count; i++) {
		uint32_t x = beside.a.elements[beside.same[i].a];
		uint32_t y = beside.b.elements[beside.same[i].b];
		// What stands for it already, on the side where the other is.
		uint32_t own = o == s ? x + 1 : o->others[x];
		const struct graft_ref *is =
			own ? data_ref(code, s->insns[own - 1]) : NULL;
		const struct graft_ref *may = data_ref(code, s->insns[y]);
		o->sites[site].alike |= is && may && is->target != may->target;
	}
	beside_deinit(&beside);
	return err;
}

/** Note of all callees whether other code is as like them. */
static struct graft_error *
mark_all_alike(const struct graft_diff *diff, struct graft_laid_out *o,
	       const struct graft_laid_out *n)
{
	struct graft_error *err = NULL;

	for (uint32_t i = 1; !err && i < o->site_count; i++) {
		err = mark_alike(diff, o, i, n, GRAFT_NONE);
		for (uint32_t k = 0; !err && k < o->site_count; k++) {
			if (k != i)
				err = mark_alike(diff, o, i, o, k);
		}
	}
	return err;
}

/** Take back what was found of a site. */
static void
forget(struct graft_laid_out *o, struct graft_laid_out *n, uint32_t site)
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
compare(const struct graft_diff *diff, struct graft_laid_out *o,
	struct graft_laid_out *n, struct graft_inlined *inlined)
{
	struct graft_error *err = align_site(o, n, GRAFT_NONE);

	for (uint32_t i = 1; !err && i < o->site_count; i++) {
		if (is_enough(&o->sites[i], o->sites[i].found))
			continue;
		forget(o, n, i);
		err = align_site(o, n, i);
	}
	if (!err)
		err = mark_all_alike(diff, o, n);
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
	struct graft_laid_out o = { 0 };
	struct graft_laid_out n = { 0 };
	struct graft_error *err = NULL;

	if (inlined->known && inlined->func == new_func)
		return NULL;
	inlined->func = new_func;
	inlined->known = true;
	inlined->count = 0;
	if (old_func == GRAFT_NONE)
		return NULL;
	err = graft_laid_out_add(diff, old_func, new_func, 0, &o);
	// Nothing was called that is gone.
	if (!err && o.site_count > 1)
		err = graft_laid_out_add(diff, new_func, GRAFT_NONE, 0, &n);
	if (!err && o.count < GRAFT_LAID_OUT_MAX &&
	    n.count < GRAFT_LAID_OUT_MAX && o.site_count <= SITES_MAX)
		err = compare(diff, &o, &n, inlined);
	graft_laid_out_deinit(&o);
	graft_laid_out_deinit(&n);
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
