// SPDX-License-Identifier: Apache-2.0

#include "diff/resolve.h"

#include "base/hash.h"
#include "base/vec.h"
#include "diff/area.h"
#include "diff/constant.h"
#include "diff/data.h"
#include "diff/match.h"
#include "diff/names.h"
#include "diff/reach.h"
#include "diff/slot.h"
#include "diff/table.h"

#include <string.h>

/** A text of OLD. */
struct text {
	uint64_t hash;
	uint64_t addr;
};

struct graft_text_index {
	struct text *texts;
	size_t count;
};

/** One reference with what is known around it. */
struct question {
	struct graft_closure *closure;
	const struct graft_ref *ref;
	/** The reference of OLD at the same place of the function, or NULL. */
	const struct graft_ref *partner;
	struct graft_resolution *resolution;
};

void
graft_text_index_free(struct graft_text_index *index)
{
	if (!index)
		return;
	free(index->texts);
	free(index);
}

static int
by_hash(const void *x, const void *y)
{
	const struct text *a = x;
	const struct text *b = y;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return (a->addr > b->addr) - (a->addr < b->addr);
}

static struct graft_error *
index_texts(struct graft_closure *closure)
{
	const struct graft_code *code = closure->diff->old_code;
	struct graft_text_index *index = calloc(1, sizeof(*index));

	if (!index)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");
	closure->texts = index;
	index->texts = calloc(code->start_count + 1, sizeof(*index->texts));
	if (!index->texts)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < code->start_count; i++) {
		uint64_t len;
		if (graft_area_of(code->image, code->starts[i]) !=
		    GRAFT_AREA_CONSTANT)
			continue;
		const char *text = graft_constant_text(code->image,
						       code->starts[i], &len);
		if (text)
			index->texts[index->count++] = (struct text){
				graft_hash_bytes(0, text, len), code->starts[i]
			};
	}
	if (index->count)
		qsort(index->texts, index->count, sizeof(*index->texts),
		      by_hash);
	return NULL;
}

/** Find the same text in OLD. Which copy of it is used does not matter. */
static struct graft_error *
find_text(struct graft_closure *closure, uint64_t new_addr, uint64_t *ret)
{
	struct graft_diff *diff = closure->diff;
	uint64_t len;
	uint64_t old_len;
	const char *text = graft_constant_text(diff->new_image, new_addr, &len);

	*ret = 0;
	if (!text)
		return NULL;
	// Nothing but the text: no number that looks like it, no table of rows.
	uint64_t extent = graft_constant_extent(diff->constants, diff->new_code,
						new_addr);
	for (uint64_t i = len; i < extent; i++) {
		const uint8_t *byte = graft_image_bytes(diff->new_image,
							new_addr + i, 1);
		if (i > len + 63 || !byte || *byte != 0)
			return NULL;
	}
	uint64_t next;
	if (graft_reach_goes_on(diff->new_code, new_addr, &next) &&
	    next < new_addr + len)
		return NULL;
	if (!closure->texts) {
		struct graft_error *err = index_texts(closure);
		if (err)
			return err;
	}
	const struct graft_text_index *index = closure->texts;
	uint64_t hash = graft_hash_bytes(0, text, len);
	size_t low = 0;
	size_t high = index->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (index->texts[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < index->count && index->texts[low].hash == hash; low++) {
		const char *old_text = graft_constant_text(
			diff->old_image, index->texts[low].addr, &old_len);
		if (old_text && old_len == len &&
		    memcmp(old_text, text, len) == 0) {
			*ret = index->texts[low].addr;
			return NULL;
		}
	}
	return NULL;
}

static struct graft_finding
finding_of(const struct question *q, enum graft_finding_kind kind)
{
	return (struct graft_finding){ .kind = kind,
				       .func = q->resolution->func,
				       .addr = q->ref->at };
}

static void
put_old(struct graft_resolution *resolution, uint64_t old_addr)
{
	resolution->place = GRAFT_PLACE_OLD;
	resolution->old_addr = old_addr;
}

/** Carry the function that a rel8 branch goes to, matched or not. */
static struct graft_error *
carry_near(struct graft_closure *closure, uint32_t func)
{
	struct graft_func_match *match = &closure->diff->new_match[func];

	if (match->other != GRAFT_NONE) {
		match->change |= GRAFT_CHANGE_REACH;
		closure->diff->old_match[match->other].change |=
			GRAFT_CHANGE_REACH;
	}
	return graft_closure_carry(closure, func);
}

static struct graft_error *
resolve_code(const struct question *q)
{
	struct graft_diff *diff = q->closure->diff;
	uint32_t func = graft_code_func_at(diff->new_code, q->ref->target);

	q->resolution->thing = GRAFT_THING_FUNCTION;
	uint64_t between;
	if (func == GRAFT_NONE &&
	    graft_match_between(diff, q->ref->target, &between)) {
		put_old(q->resolution, between);
		return NULL;
	}
	if (func == GRAFT_NONE)
		return graft_closure_find(
			q->closure, finding_of(q, GRAFT_FINDING_UNRESOLVED),
			"a reference to 0x%llx, where no function is",
			(unsigned long long)q->ref->target);
	const struct graft_func_match *match = &diff->new_match[func];
	uint64_t off = q->ref->target - diff->new_code->funcs[func].addr;
	bool branch = q->ref->kind == GRAFT_REF_BRANCH;

	if (match->other == GRAFT_NONE) {
		q->resolution->place = GRAFT_PLACE_NEW;
		return graft_closure_carry(q->closure, func);
	}
	uint64_t old_addr = diff->old_code->funcs[match->other].addr;
	// Twins that a reordered link swapped are only told by their callers.
	uint32_t twin = GRAFT_NONE;
	if (match->evidence == GRAFT_EVIDENCE_ORDER && q->partner &&
	    q->partner->kind == q->ref->kind)
		twin = graft_code_func_at(diff->old_code, q->partner->target);
	if (twin != GRAFT_NONE && twin != match->other &&
	    graft_match_same_form(diff, twin, func))
		return graft_closure_find(
			q->closure, finding_of(q, GRAFT_FINDING_CONFLICT),
			"the function at 0x%llx was found by its place only, "
			"and the old build comes to another one here",
			(unsigned long long)q->ref->target);
	if (off == 0 && !branch) {
		// Identity: pointers to a function that OLD has stay the same.
		put_old(q->resolution, old_addr);
		return NULL;
	}
	if (q->ref->width == 1) {
		q->resolution->place = GRAFT_PLACE_NEW;
		return carry_near(q->closure, func);
	}
	if (match->change || match->carried) {
		// It is carried, or will be; branch to it directly.
		q->resolution->place = GRAFT_PLACE_NEW;
		return graft_closure_carry(q->closure, func);
	}
	if (off != 0 && !match->same_form)
		return graft_closure_find(
			q->closure, finding_of(q, GRAFT_FINDING_UNRESOLVED),
			"a reference into the middle of a changed function");
	put_old(q->resolution, old_addr + off);
	return NULL;
}

/** Try one OLD constant as what stands for a NEW one. */
static struct graft_error *
try_constant(const struct question *q, uint64_t old_addr, uint64_t access,
	     bool *done)
{
	if (graft_area_of(q->closure->diff->old_image, old_addr) !=
	    GRAFT_AREA_CONSTANT)
		return NULL;
	struct graft_error *err = graft_constant_equal(
		q->closure->diff, old_addr, q->ref->target, access, done);
	if (!err && *done && q->ref->back)
		err = graft_constant_equal_before(q->closure->diff, old_addr,
						  q->ref->target, done);
	if (!err && *done)
		put_old(q->resolution, old_addr);
	return err;
}

/** Find the OLD constant that stands for one: in the code or by contents. */
static struct graft_error *
find_constant(const struct question *q, uint64_t access, uint64_t *old_ret,
	      bool *done)
{
	struct graft_diff *diff = q->closure->diff;
	struct graft_error *err = NULL;
	size_t count;
	const struct graft_sighting *s =
		graft_data_map_find(diff->data, q->ref->target, &count);
	uint64_t by_name;

	*old_ret = 0;
	if (q->partner) {
		if (q->partner->kind == q->ref->kind &&
		    graft_area_of(diff->old_image, q->partner->target) ==
			    GRAFT_AREA_CONSTANT)
			*old_ret = q->partner->target;
		err = try_constant(q, q->partner->target, access, done);
	}
	for (size_t i = 0; !err && !*done && i < count; i++) {
		if (!*old_ret)
			*old_ret = s[i].old_addr;
		err = try_constant(q, s[i].old_addr, access, done);
	}
	if (!err && !*done &&
	    graft_diff_old_data(diff, q->ref->target, &by_name) ==
		    GRAFT_WITNESS_SYMBOL) {
		*old_ret = by_name;
		err = try_constant(q, by_name, access, done);
	}
	if (!err && !*done && access == 0 && !q->ref->back) {
		uint64_t text = 0;
		err = find_text(q->closure, q->ref->target, &text);
		if (!err && text) {
			put_old(q->resolution, text);
			*done = true;
		}
	}
	return err;
}

static struct graft_error *
resolve_constant(const struct question *q)
{
	struct graft_diff *diff = q->closure->diff;
	uint64_t addr = q->ref->target;
	uint64_t end = graft_code_next_start(diff->new_code, addr);
	uint64_t access = q->ref->kind == GRAFT_REF_MEMORY ? q->ref->access : 0;
	bool done = false;
	uint64_t old_addr = 0;

	uint32_t entries = 0;
	if (q->ref->kind == GRAFT_REF_ADDRESS)
		entries = graft_table_count(diff->new_code, q->resolution->func,
					    addr, end - addr);
	if (entries) {
		// Distances from the table to carried code stay as they are.
		q->resolution->thing = GRAFT_THING_TABLE;
		q->resolution->place = GRAFT_PLACE_NEW;
		return graft_closure_add_piece(
			q->closure,
			(struct graft_piece){ .addr = addr,
					      .size = 4 * (uint64_t)entries,
					      .thing = GRAFT_THING_TABLE });
	}
	q->resolution->thing = GRAFT_THING_CONSTANT;
	struct graft_error *err = find_constant(q, access, &old_addr, &done);
	if (err || done)
		return err;

	uint64_t size = access;
	if (!size)
		size = graft_reach_end(diff->new_code, addr) - addr;
	if (q->ref->back) {
		uint64_t before = addr -
				  graft_reach_start(diff->new_code, addr);
		addr -= before;
		size += before;
		old_addr -= old_addr ? before : 0;
	}
	q->resolution->place = GRAFT_PLACE_NEW;
	struct graft_piece piece = { .addr = addr,
				     .size = size,
				     .thing = GRAFT_THING_CONSTANT,
				     .old_addr = old_addr };
	if (old_addr)
		piece.old_size = graft_constant_extent(
			diff->constants, diff->old_code, old_addr);
	// What is carried for the sake of what follows it has not changed.
	bool same = false;
	if (old_addr && !access && !q->ref->back)
		err = graft_constant_equal_part(diff, old_addr, addr, &same);
	if (same)
		piece.old_addr = piece.old_size = 0;
	return err ? err : graft_closure_add_piece(q->closure, piece);
}

/** Carry a writable object of which the symbols prove that OLD has none. */
static struct graft_error *
carry_new_object(struct graft_closure *closure, uint64_t addr, bool *ret)
{
	struct graft_diff *diff = closure->diff;
	const struct graft_symbol *symbol =
		graft_image_symbol_at(diff->new_image, addr);

	*ret = symbol && symbol->type == STT_OBJECT &&
	       addr - symbol->addr < symbol->size &&
	       graft_names_is_new(diff->names, symbol);
	if (!*ret)
		return NULL;
	return graft_closure_add_piece(
		closure, (struct graft_piece){ .addr = symbol->addr,
					       .size = symbol->size,
					       .thing = GRAFT_THING_DATA,
					       .writable = true });
}

/** Do all observations, the function's own too, name one OLD address? */
static bool
all_agree(const struct question *q)
{
	size_t count;
	const struct graft_sighting *s = graft_data_map_find(
		q->closure->diff->data, q->ref->target, &count);

	if (!q->partner || q->partner->kind != q->ref->kind || count == 0)
		return false;
	bool strong = false;
	for (size_t i = 0; i < count; i++) {
		if (s[i].old_addr != q->partner->target)
			return false;
		strong |= s[i].witness >= GRAFT_WITNESS_REFERENCE;
	}
	return strong;
}

/** Where would the neighbours put this reference in OLD? */
static bool
guess_of(const struct graft_diff *diff, const struct graft_ref *ref,
	 uint64_t *ret)
{
	if (ref->kind != GRAFT_REF_MEMORY && ref->kind != GRAFT_REF_ADDRESS)
		return false;
	return graft_area_of(diff->new_image, ref->target) == GRAFT_AREA_DATA &&
	       graft_diff_old_data(diff, ref->target, ret) ==
		       GRAFT_WITNESS_NEIGHBOURS;
}

/**
 * Find the OLD version of a function: its counterpart, or, for a part that was
 * cut out of another (`.part.0`, a helper that is no longer inlined), the
 * counterpart of the only function that comes to it.
 */
static uint32_t
old_version(const struct graft_diff *diff, uint32_t func)
{
	const struct graft_code *code = diff->new_code;
	uint32_t caller = GRAFT_NONE;

	if (func == GRAFT_NONE || diff->new_match[func].other != GRAFT_NONE)
		return func == GRAFT_NONE ? func : diff->new_match[func].other;
	for (uint32_t i = 0; i < code->func_count; i++) {
		const struct graft_func *f = &code->funcs[i];
		for (uint32_t k = 0; k < f->ref_count; k++) {
			const struct graft_ref *ref =
				&code->refs[f->first_ref + k];
			if (ref->target != code->funcs[func].addr || i == func)
				continue;
			if (ref->kind != GRAFT_REF_BRANCH ||
			    (caller != GRAFT_NONE && caller != i))
				return GRAFT_NONE;
			caller = i;
		}
	}
	return caller == GRAFT_NONE ? caller : diff->new_match[caller].other;
}

/**
 * Does OLD's version of the function name the same writable data in the same
 * order, going by the neighbours?
 *
 * Registers and schedule may have changed so that no instruction aligns; but the
 * neighbours put every such reference on an address that the old version of this
 * very function names, in the same way, and in the same order. An object that
 * traded places with another would break the order.
 */
static bool
old_version_agrees(const struct question *q)
{
	const struct graft_diff *diff = q->closure->diff;
	uint32_t func = q->resolution->func;
	uint32_t old_func = old_version(diff, func);
	if (old_func == GRAFT_NONE)
		return false;
	const struct graft_func *nf = &diff->new_code->funcs[func];
	const struct graft_func *of = &diff->old_code->funcs[old_func];
	uint32_t at = 0;
	uint64_t last = 0;

	for (uint32_t i = 0; i < nf->ref_count; i++) {
		const struct graft_ref *n =
			&diff->new_code->refs[nf->first_ref + i];
		uint64_t guess;
		if (!guess_of(diff, n, &guess) || guess == last)
			continue;
		last = guess;
		for (;; at++) {
			if (at == of->ref_count)
				return false;
			const struct graft_ref *o =
				&diff->old_code->refs[of->first_ref + at];
			if (o->target == guess && o->kind == n->kind &&
			    o->access == n->access && o->writes == n->writes)
				break;
		}
	}
	return true;
}

/**
 * May the address be the end of one object for others, and the start of a new
 * one here? A new object may lie in what was padding.
 */
static bool
may_be_another(const struct question *q, uint64_t old_addr)
{
	size_t count;
	const struct graft_sighting *s = graft_data_map_find(
		q->closure->diff->data, q->ref->target, &count);

	if (q->partner && q->partner->kind == q->ref->kind &&
	    q->partner->target == old_addr)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (s[i].firm && s[i].old_addr == old_addr)
			return false;
	}
	return q->ref->kind == GRAFT_REF_ADDRESS && q->ref->width == 4;
}

static struct graft_error *
resolve_data(const struct question *q)
{
	struct graft_diff *diff = q->closure->diff;
	uint64_t old_addr = 0;
	enum graft_witness witness = graft_diff_old_data(diff, q->ref->target,
							 &old_addr);
	bool is_new = false;

	q->resolution->thing = GRAFT_THING_DATA;
	if (witness == GRAFT_WITNESS_SYMBOL ||
	    (witness >= GRAFT_WITNESS_ALIGNED &&
	     !may_be_another(q, old_addr))) {
		put_old(q->resolution, old_addr);
		return NULL;
	}
	if (all_agree(q)) {
		put_old(q->resolution, q->partner->target);
		return NULL;
	}
	if (witness == GRAFT_WITNESS_NEIGHBOURS && old_version_agrees(q)) {
		put_old(q->resolution, old_addr);
		return NULL;
	}
	struct graft_error *err = carry_new_object(q->closure, q->ref->target,
						   &is_new);
	if (err || is_new) {
		q->resolution->place = GRAFT_PLACE_NEW;
		return err;
	}
	const struct graft_section *section =
		graft_image_section_at(diff->new_image, q->ref->target);
	enum graft_finding_kind kind = GRAFT_FINDING_UNRESOLVED;
	const char *why = "nothing but its neighbours says";
	if (witness == GRAFT_WITNESS_CONFLICT) {
		kind = GRAFT_FINDING_CONFLICT;
		why = "the evidence does not agree on";
	} else if (witness == GRAFT_WITNESS_NONE) {
		why = "nothing says";
	}
	return graft_closure_find(
		q->closure, finding_of(q, kind),
		"%s what stood in the old build for the "
		"writable data at 0x%llx (%s+0x%llx)",
		why, (unsigned long long)q->ref->target, section->name,
		(unsigned long long)(q->ref->target - section->addr));
}

static struct graft_error *
resolve_tls(const struct question *q)
{
	q->resolution->thing = GRAFT_THING_TLS;
	q->resolution->place = GRAFT_PLACE_SAME;
	if (q->partner && q->partner->kind == GRAFT_REF_TLS &&
	    q->partner->target != q->ref->target)
		return graft_closure_find(
			q->closure, finding_of(q, GRAFT_FINDING_TLS),
			"a thread-local variable stood at offset %lld of the "
			"thread block and stands at %lld",
			(long long)q->partner->target,
			(long long)q->ref->target);
	// An offset that nobody names in OLD is a variable that it does not
	// have.
	for (size_t i = 0; i < q->closure->diff->old_code->ref_count; i++) {
		const struct graft_ref *ref =
			&q->closure->diff->old_code->refs[i];
		if (ref->kind == GRAFT_REF_TLS && ref->target == q->ref->target)
			return NULL;
	}
	return graft_closure_find(q->closure, finding_of(q, GRAFT_FINDING_TLS),
				  "nothing in the old build uses offset %lld "
				  "of the thread block",
				  (long long)q->ref->target);
}

static struct graft_error *
resolve(const struct question *q)
{
	const struct graft_diff *diff = q->closure->diff;

	if (q->ref->kind == GRAFT_REF_TLS)
		return resolve_tls(q);
	switch (graft_area_of(diff->new_image, q->ref->target)) {
	case GRAFT_AREA_CODE:
		return resolve_code(q);
	case GRAFT_AREA_PLT:
		q->resolution->thing = GRAFT_THING_PLT;
		return graft_slot_resolve_plt(q->closure, q->ref,
					      q->resolution);
	case GRAFT_AREA_GOT:
		q->resolution->thing = GRAFT_THING_GOT;
		return graft_slot_resolve_got(q->closure, q->ref,
					      q->resolution);
	case GRAFT_AREA_CONSTANT:
		return resolve_constant(q);
	case GRAFT_AREA_DATA:
		return resolve_data(q);
	case GRAFT_AREA_NONE:
		break;
	}
	if (q->partner && q->partner->kind == q->ref->kind &&
	    graft_area_same_frame(diff->old_image, q->partner->target,
				  diff->new_image, q->ref->target)) {
		put_old(q->resolution, q->partner->target);
		return NULL;
	}
	return graft_closure_find(q->closure,
				  finding_of(q, GRAFT_FINDING_UNRESOLVED),
				  "a reference to 0x%llx, which is in no "
				  "section with contents",
				  (unsigned long long)q->ref->target);
}

/** For each reference of a function the one of OLD at the same place. */
static struct graft_error *
find_partners(struct graft_diff *diff, uint32_t func, uint32_t **ret)
{
	const struct graft_func *nf = &diff->new_code->funcs[func];
	const struct graft_func_match *match = &diff->new_match[func];
	GRAFT_FREE uint32_t *partners = calloc(nf->ref_count + 1,
					       sizeof(*partners));
	GRAFT_FREE struct graft_insn_pair *pairs = NULL;
	size_t count = 0;
	if (!partners)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");

	for (uint32_t i = 0; i < nf->ref_count; i++)
		partners[i] = GRAFT_NONE;
	if (match->other != GRAFT_NONE) {
		struct graft_error *err = graft_diff_align(
			diff, match->other, func, &pairs, &count);
		if (err)
			return err;
	}
	for (size_t i = 0; i < count; i++) {
		uint32_t o = diff->old_code->insns[pairs[i].old_insn].ref;
		uint32_t n = diff->new_code->insns[pairs[i].new_insn].ref;
		if (pairs[i].equal && o != GRAFT_NONE && n != GRAFT_NONE)
			partners[n - nf->first_ref] = o;
	}
	*ret = GRAFT_TAKE(partners);
	return NULL;
}

struct graft_error *
graft_resolve_func(struct graft_closure *closure, uint32_t func)
{
	struct graft_diff *diff = closure->diff;
	const struct graft_func *nf = &diff->new_code->funcs[func];
	GRAFT_FREE uint32_t *partners = NULL;
	size_t first = diff->resolution_count;
	struct graft_error *err = find_partners(diff, func, &partners);

	if (!err && nf->bad)
		err = graft_closure_find(
			closure,
			(struct graft_finding){ GRAFT_FINDING_UNDECODABLE, func,
						nf->addr, false, NULL },
			"it holds bytes that are no instructions");
	for (uint32_t i = 0; !err && i < nf->ref_count; i++) {
		struct graft_resolution resolution = {
			.ref = nf->first_ref + i,
			.func = func,
		};
		struct question q = {
			.closure = closure,
			.ref = &diff->new_code->refs[nf->first_ref + i],
			.resolution = &resolution,
		};
		if (partners[i] != GRAFT_NONE)
			q.partner = &diff->old_code->refs[partners[i]];
		err = resolve(&q);
		if (!err)
			err = graft_vec_reserve(&diff->resolutions,
						&closure->resolution_cap,
						diff->resolution_count + 1,
						sizeof(*diff->resolutions));
		if (!err)
			diff->resolutions[diff->resolution_count++] =
				resolution;
	}
	return err ? err : graft_reach_settle(closure, first);
}

/** Resolve the address that a pointer inside the module holds. */
static struct graft_error *
resolve_inner(struct graft_closure *closure, const struct graft_reloc *reloc,
	      uint64_t target, struct graft_pointer *pointer)
{
	// A pointer is like a `lea` that stands in data.
	struct graft_ref ref = { .target = target,
				 .at = reloc->addr,
				 .width = 8,
				 .kind = GRAFT_REF_ADDRESS };
	struct graft_resolution resolution = { .func = GRAFT_NONE };
	struct question q = { .closure = closure,
			      .ref = &ref,
			      .resolution = &resolution };
	struct graft_error *err = NULL;
	struct graft_diff *diff = closure->diff;

	switch (graft_area_of(diff->new_image, target)) {
	case GRAFT_AREA_CODE:
		err = resolve_code(&q);
		break;
	case GRAFT_AREA_CONSTANT: {
		bool done = false;
		uint64_t old_addr;
		err = find_constant(&q, 0, &old_addr, &done);
		if (!err && !done) {
			resolution.place = GRAFT_PLACE_NEW;
			err = graft_closure_add_piece(
				closure,
				(struct graft_piece){
					.addr = target,
					.size = graft_reach_end(diff->new_code,
								target) -
						target,
					.thing = GRAFT_THING_CONSTANT,
					.old_addr = old_addr,
				});
		}
		break;
	}
	case GRAFT_AREA_DATA:
		err = resolve_data(&q);
		break;
	default:
		err = graft_closure_find(
			closure, finding_of(&q, GRAFT_FINDING_UNRESOLVED),
			"a carried pointer goes to 0x%llx",
			(unsigned long long)target);
		break;
	}
	pointer->place = resolution.place;
	pointer->value = resolution.place == GRAFT_PLACE_OLD
				 ? resolution.old_addr
				 : target;
	return err;
}

struct graft_error *
graft_resolve_pointer(struct graft_closure *closure,
		      const struct graft_reloc *reloc)
{
	struct graft_diff *diff = closure->diff;
	struct graft_pointer pointer = { .new_addr = reloc->addr };
	struct graft_error *err = NULL;

	switch (reloc->type) {
	case R_X86_64_RELATIVE:
		err = resolve_inner(closure, reloc, (uint64_t)reloc->addend,
				    &pointer);
		break;
	case R_X86_64_GLOB_DAT:
	case R_X86_64_JUMP_SLOT:
	case R_X86_64_64:
		if (reloc->symbol && reloc->symbol->defined &&
		    !graft_names_old(diff->names, reloc->symbol)) {
			// Defined here, and only in NEW.
			err = resolve_inner(closure, reloc, reloc->symbol->addr,
					    &pointer);
			break;
		}
		pointer.symbol = reloc->symbol;
		// GLOB_DAT and JUMP_SLOT ignore the addend (psABI, table 4.10).
		if (reloc->type == R_X86_64_64)
			pointer.value = (uint64_t)reloc->addend;
		break;
	default:
		err = graft_closure_find(
			closure,
			(struct graft_finding){ GRAFT_FINDING_UNRESOLVED,
						GRAFT_NONE, reloc->addr, false,
						NULL },
			"a carried pointer has relocation type %u",
			reloc->type);
		break;
	}
	if (!err)
		err = graft_vec_reserve(&diff->pointers, &closure->pointer_cap,
					diff->pointer_count + 1,
					sizeof(*diff->pointers));
	if (!err)
		diff->pointers[diff->pointer_count++] = pointer;
	return err;
}
