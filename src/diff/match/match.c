// SPDX-License-Identifier: Apache-2.0

#include "diff/match/match.h"

#include "base/hash.h"
#include "diff/code/area.h"
#include "diff/match/align.h"
#include "diff/match/beside.h"
#include "diff/match/likeness.h"
#include "diff/match/names.h"
#include "diff/match/signature.h"

#include <string.h>

enum {
	/** Rounds of signatures and references; each needs the one before. */
	ROUNDS = 4,
	/**
	 * A normal form shorter than this is too common to witness anything by
	 * being the only one of its kind.
	 */
	FORM_MIN = 24,
	/** The same without the help of what the references name. */
	PLAIN_FORM_MIN = 64,
};

/** A function of one side with its signature. */
struct entry {
	uint64_t signature;
	uint32_t func;
	uint32_t side;
};

bool
graft_match_same_form(const struct graft_diff *diff, uint32_t old_func,
		      uint32_t new_func)
{
	const struct graft_func *o = &diff->old_code->funcs[old_func];
	const struct graft_func *n = &diff->new_code->funcs[new_func];

	if (o->hash != n->hash || o->size != n->size ||
	    o->ref_count != n->ref_count || o->insn_count != n->insn_count)
		return false;
	const uint8_t *ob = graft_func_bytes(diff->old_code, o);
	const uint8_t *nb = graft_func_bytes(diff->new_code, n);
	uint64_t at = 0;
	for (uint32_t i = 0; i < n->ref_count; i++) {
		const struct graft_ref * or
			= &diff->old_code->refs[o->first_ref + i];
		const struct graft_ref *nr =
			&diff->new_code->refs[n->first_ref + i];
		uint64_t off = nr->at - n->addr;
		if (or->at - o->addr != off || or->width != nr->width ||
		    or->kind != nr->kind || off < at ||
		    memcmp(ob + at, nb + at, off - at) != 0)
			return false;
		at = off + nr->width;
	}
	return memcmp(ob + at, nb + at, n->size - at) == 0;
}

bool
graft_match_between(const struct graft_diff *diff, uint64_t new_addr,
		    uint64_t *ret)
{
	uint32_t n = graft_code_func_before(diff->new_code, new_addr);

	if (n == GRAFT_NONE || n + 1 >= diff->new_code->func_count ||
	    !diff->new_match[n].same_form)
		return false;
	uint32_t o = diff->new_match[n].other;
	if (o + 1 >= diff->old_code->func_count ||
	    diff->new_match[n + 1].other != o + 1)
		return false;
	uint64_t start = diff->new_code->funcs[n].addr;
	uint64_t end = diff->new_code->funcs[n + 1].addr;
	uint64_t old_start = diff->old_code->funcs[o].addr;
	uint64_t size = diff->new_code->funcs[n].size;
	if (diff->old_code->funcs[o + 1].addr - old_start != end - start ||
	    new_addr < start + size)
		return false;
	const uint8_t *nb = graft_image_bytes(diff->new_image, start + size,
					      end - start - size);
	const uint8_t *ob = graft_image_bytes(diff->old_image, old_start + size,
					      end - start - size);
	if (!nb || !ob || memcmp(nb, ob, end - start - size) != 0)
		return false;
	*ret = old_start + (new_addr - start);
	return true;
}

static void
pair(struct graft_diff *diff, uint32_t o, uint32_t n,
     enum graft_evidence evidence)
{
	bool same = graft_match_same_form(diff, o, n);

	diff->old_match[o] = (struct graft_func_match){
		.other = n, .evidence = (uint8_t)evidence, .same_form = same
	};
	diff->new_match[n] = (struct graft_func_match){
		.other = o, .evidence = (uint8_t)evidence, .same_form = same
	};
}

static void
unpair(struct graft_diff *diff, uint32_t n)
{
	uint32_t o = diff->new_match[n].other;

	diff->old_match[o] = (struct graft_func_match){ .other = GRAFT_NONE };
	diff->new_match[n] = (struct graft_func_match){ .other = GRAFT_NONE };
}

static void
match_symbols(struct graft_diff *diff)
{
	for (uint32_t n = 0; n < diff->new_code->func_count; n++) {
		const struct graft_symbol *symbol =
			diff->new_code->funcs[n].symbol;
		if (!symbol)
			continue;
		const struct graft_symbol *old_symbol =
			graft_names_old(diff->names, symbol);
		if (!old_symbol)
			continue;
		uint32_t o = graft_code_func_at(diff->old_code,
						old_symbol->addr);
		if (o != GRAFT_NONE &&
		    diff->old_code->funcs[o].addr == old_symbol->addr &&
		    diff->old_match[o].other == GRAFT_NONE)
			pair(diff, o, n, GRAFT_EVIDENCE_SYMBOL);
	}
}

static int
by_signature(const void *x, const void *y)
{
	const struct entry *a = x;
	const struct entry *b = y;

	if (a->signature != b->signature)
		return a->signature < b->signature ? -1 : 1;
	if (a->side != b->side)
		return a->side < b->side ? -1 : 1;
	return (a->func > b->func) - (a->func < b->func);
}

static size_t
collect(const struct graft_diff *diff, const struct graft_code *code,
	const struct graft_func_match *match, uint32_t side, bool plain,
	struct entry *ret)
{
	size_t count = 0;

	for (uint32_t i = 0; i < code->func_count; i++) {
		if (match[i].other != GRAFT_NONE)
			continue;
		ret[count++] = (struct entry){
			plain ? code->funcs[i].hash
			      : graft_signature(diff, side == 1, i),
			i, side
		};
	}
	return count;
}

/**
 * Pair the functions whose signature only one of each side has.
 *
 * @param[in] plain Take the normal form alone: what the references name (text
 * with a line number in it) may be the very thing that changed.
 */
static struct graft_error *
match_signatures(struct graft_diff *diff, bool plain)
{
	uint64_t least = plain ? PLAIN_FORM_MIN : FORM_MIN;
	size_t most = diff->old_code->func_count + diff->new_code->func_count;
	GRAFT_FREE struct entry *entries = calloc(most + 1, sizeof(*entries));
	if (!entries)
		return graft_error_no_memory();

	size_t count = collect(diff, diff->old_code, diff->old_match, 0, plain,
			       entries);
	count += collect(diff, diff->new_code, diff->new_match, 1, plain,
			 entries + count);
	if (count)
		qsort(entries, count, sizeof(*entries), by_signature);
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count && entries[end].signature ==
							 entries[i].signature;
		     end++)
			;
		if (end - i != 2 || entries[i].side == entries[i + 1].side)
			continue;
		uint32_t o = entries[i].func;
		uint32_t n = entries[i + 1].func;
		if (diff->new_code->funcs[n].size >= least &&
		    graft_match_same_form(diff, o, n))
			pair(diff, o, n, GRAFT_EVIDENCE_FORM);
	}
	return NULL;
}

/** Does code or a relocation take the address of a function? */
static bool
is_taken(const struct graft_code *code, uint32_t func)
{
	uint64_t addr = code->funcs[func].addr;
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(code->image,
							      &count);

	for (size_t i = 0; i < count; i++) {
		uint64_t base = relocs[i].symbol ? relocs[i].symbol->addr : 0;
		if (base + (uint64_t)relocs[i].addend == addr)
			return true;
	}
	for (size_t i = 0; i < code->ref_count; i++) {
		if (code->refs[i].kind == GRAFT_REF_ADDRESS &&
		    code->refs[i].target == addr)
			return true;
	}
	return false;
}

/**
 * Was a function of NEW paired, by likeness alone, with one that OLD only calls,
 * though its address is taken in the place of that of another?
 *
 * A callback into which a larger helper was inlined is more like the helper.
 */
static bool
is_mistaken(const struct graft_diff *diff, const struct graft_ref *nr,
	    uint32_t o, const struct graft_func_match *nm)
{
	return nr->kind == GRAFT_REF_ADDRESS &&
	       diff->old_match[o].other == GRAFT_NONE &&
	       nm->evidence == GRAFT_EVIDENCE_ORDER && !nm->same_form &&
	       !is_taken(diff->old_code, nm->other);
}

/** Let a pair of references of a NEW function and its counterpart speak. */
static bool
follow(struct graft_diff *diff, uint32_t taker, const struct graft_ref * or,
       const struct graft_ref *nr, bool strong)
{
	uint32_t o = graft_code_func_at(diff->old_code, or->target);
	uint32_t n = graft_code_func_at(diff->new_code, nr->target);

	if (o == GRAFT_NONE || n == GRAFT_NONE ||
	    diff->old_code->funcs[o].addr != or->target ||
	    diff->new_code->funcs[n].addr != nr->target)
		return false;
	struct graft_func_match *om = &diff->old_match[o];
	struct graft_func_match *nm = &diff->new_match[n];
	enum graft_evidence evidence = GRAFT_EVIDENCE_ORDER;
	bool known = nm->other == o && nm->evidence > evidence;
	if (strong && !known && graft_beside_tells(diff, taker, o, n))
		evidence = GRAFT_EVIDENCE_REFERENCE;
	if (nm->other == o) {
		if (nm->evidence >= evidence)
			return false;
		nm->evidence = om->evidence = (uint8_t)evidence;
		return true;
	}
	// What was paired by order only gives way to a reference.
	if (om->other != GRAFT_NONE && om->evidence >= evidence)
		return false;
	if (nm->other != GRAFT_NONE && nm->evidence >= evidence &&
	    !is_mistaken(diff, nr, o, nm))
		return false;
	if (om->other != GRAFT_NONE)
		unpair(diff, om->other);
	if (nm->other != GRAFT_NONE)
		unpair(diff, n);
	pair(diff, o, n, evidence);
	return true;
}

/** Follow the references of a matched pair of the same form. */
static bool
follow_same_form(struct graft_diff *diff, uint32_t n)
{
	const struct graft_func_match *match = &diff->new_match[n];
	const struct graft_func *of = &diff->old_code->funcs[match->other];
	const struct graft_func *nf = &diff->new_code->funcs[n];
	bool strong = match->evidence > GRAFT_EVIDENCE_ORDER;
	bool moved = false;

	for (uint32_t i = 0; i < nf->ref_count; i++)
		moved |= follow(
			diff, n, &diff->old_code->refs[of->first_ref + i],
			&diff->new_code->refs[nf->first_ref + i], strong);
	return moved;
}

/** Follow the references of aligned instructions of a changed pair. */
static struct graft_error *
follow_changed(struct graft_diff *diff, uint32_t n, bool *moved)
{
	GRAFT_FREE struct graft_insn_pair *pairs = NULL;
	size_t count = 0;
	struct graft_error *err = graft_diff_align(
		diff, diff->new_match[n].other, n, &pairs, &count);

	for (size_t i = 0; !err && i < count; i++) {
		uint32_t o;
		uint32_t r;
		// Alignment may be off by one call: it is weak evidence.
		if (graft_insn_pair_refs(diff, &pairs[i], &o, &r))
			*moved |= follow(diff, n, &diff->old_code->refs[o],
					 &diff->new_code->refs[r], false);
	}
	return err;
}

static struct graft_error *
follow_references(struct graft_diff *diff, bool changed)
{
	bool moved = true;

	// Each pass may unlock others; chains of calls are short.
	for (int pass = 0; moved && pass < 16; pass++) {
		moved = false;
		for (uint32_t n = 0; n < diff->new_code->func_count; n++) {
			if (diff->new_match[n].other == GRAFT_NONE)
				continue;
			if (diff->new_match[n].same_form) {
				moved |= follow_same_form(diff, n);
			} else if (changed && pass == 0) {
				struct graft_error *err =
					follow_changed(diff, n, &moved);
				if (err)
					return err;
			}
		}
	}
	return NULL;
}

/** Give functions that match one token, the others their form. */
static uint64_t *
make_tokens(const struct graft_diff *diff, bool new_side)
{
	const struct graft_code *code = new_side ? diff->new_code
						 : diff->old_code;
	const struct graft_func_match *match = new_side ? diff->new_match
							: diff->old_match;
	uint64_t *tokens = calloc(code->func_count + 1, sizeof(*tokens));

	for (uint32_t i = 0; tokens && i < code->func_count; i++) {
		uint32_t id = new_side ? i : match[i].other;
		if (match[i].other == GRAFT_NONE)
			tokens[i] = graft_hash_mix(code->funcs[i].hash, 1);
		else
			tokens[i] = graft_hash_mix(0x6d61746368U, id);
	}
	return tokens;
}

/** Pair what stands in the same order, and by likeness what is left over. */
static struct graft_error *
match_order(struct graft_diff *diff)
{
	GRAFT_FREE uint64_t *old_tokens = make_tokens(diff, false);
	GRAFT_FREE uint64_t *new_tokens = make_tokens(diff, true);
	GRAFT_FREE struct graft_align_pair *pairs = NULL;
	size_t count = 0;
	if (!old_tokens || !new_tokens)
		return graft_error_no_memory();

	struct graft_error *err =
		graft_align(old_tokens, diff->old_code->func_count, new_tokens,
			    diff->new_code->func_count, &pairs, &count);
	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		if (diff->new_match[pairs[i].b].other == GRAFT_NONE &&
		    diff->old_match[pairs[i].a].other == GRAFT_NONE &&
		    graft_match_same_form(diff, pairs[i].a, pairs[i].b))
			pair(diff, pairs[i].a, pairs[i].b,
			     GRAFT_EVIDENCE_ORDER);
	}
	struct graft_align_pair from = { 0, 0 };
	for (size_t i = 0; !err && i <= count; i++) {
		struct graft_align_pair to = {
			(uint32_t)diff->old_code->func_count,
			(uint32_t)diff->new_code->func_count
		};
		if (i < count)
			to = pairs[i];
		err = graft_likeness_pair(diff, from.a, to.a, from.b, to.b,
					  pair);
		from = (struct graft_align_pair){ to.a + 1, to.b + 1 };
	}
	return err;
}

struct graft_error *
graft_match_make(struct graft_diff *diff)
{
	struct graft_error *err = NULL;

	for (uint32_t i = 0; i < diff->old_code->func_count; i++)
		diff->old_match[i].other = GRAFT_NONE;
	for (uint32_t i = 0; i < diff->new_code->func_count; i++)
		diff->new_match[i].other = GRAFT_NONE;
	match_symbols(diff);
	for (int round = 0; !err && round < ROUNDS; round++) {
		err = match_signatures(diff, false);
		if (!err)
			err = follow_references(diff, false);
	}
	if (!err)
		err = match_signatures(diff, true);
	if (!err)
		err = follow_references(diff, false);
	if (!err)
		err = match_order(diff);
	if (!err)
		err = follow_references(diff, true);
	// Functions that moved to another place are left; likeness over all.
	if (!err)
		err = graft_likeness_pair(
			diff, 0, (uint32_t)diff->old_code->func_count, 0,
			(uint32_t)diff->new_code->func_count, pair);
	if (!err)
		err = follow_references(diff, true);
	return err;
}

bool
graft_match_is_reordered(const struct graft_diff *diff)
{
	uint32_t last = 0;

	// Functions stand by ascending address on both sides.
	for (uint32_t n = 0; n < diff->new_code->func_count; n++) {
		const struct graft_func_match *match = &diff->new_match[n];
		if (match->other == GRAFT_NONE ||
		    match->evidence < GRAFT_EVIDENCE_REFERENCE)
			continue;
		if (match->other < last)
			return true;
		last = match->other;
	}
	return false;
}
