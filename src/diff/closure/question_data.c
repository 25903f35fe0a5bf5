// SPDX-License-Identifier: Apache-2.0

#include "diff/closure/question.h"

#include "diff/code/area.h"
#include "diff/code/contract.h"
#include "diff/code/past.h"
#include "diff/match/data.h"
#include "diff/match/fresh.h"
#include "diff/match/names.h"
#include "diff/match/thread_local.h"

#include <string.h>

enum {
	/** Compilers align objects to a cache line at most. */
	ALIGN_MAX = 64,
};

/** Carry a writable object of which the symbols prove that OLD has none, or the
 * builds as a whole. */
static struct graft_error *
carry_new_object(const struct graft_question *q, bool *ret)
{
	struct graft_diff *diff = q->closure->diff;
	uint64_t addr = q->ref->target;
	const struct graft_symbol *symbol =
		graft_image_object_at(diff->new_image, addr);
	struct graft_piece piece = {
		.addr = addr,
		.thing = GRAFT_THING_DATA,
		.writable = true,
	};
	struct graft_error *err = NULL;

	if (symbol) {
		if (graft_names_is_new(diff->names, symbol)) {
			piece.addr = symbol->addr;
			piece.size = symbol->size;
		}
	} else if (q->resolution->func != GRAFT_NONE) {
		err = graft_fresh_find(q->closure, addr, &piece.size);
	}
	*ret = piece.size > 0;
	return err || !*ret ? err : graft_closure_add_piece(q->closure, piece);
}

/** Do all observations, the function's own too, name one OLD address? */
static bool
all_agree(const struct graft_question *q)
{
	uint64_t old_addr;

	// Who alone names an object, in a function that is the same but for that,
	// may as well name another one: the neighbours tell.
	return q->partner && q->partner->kind == q->ref->kind &&
	       graft_data_map_agreed(q->closure->diff, q->ref->target,
				     &old_addr) &&
	       old_addr == q->partner->target &&
	       graft_data_map_in_order(q->closure->diff, q->ref->target,
				       old_addr);
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
old_version_agrees(const struct graft_question *q)
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

uint32_t
graft_question_count_taken(const struct graft_code *code, uint32_t func,
			   uint64_t addr)
{
	uint32_t count = 0;

	if (func == GRAFT_NONE)
		return 0;
	const struct graft_func *f = &code->funcs[func];
	for (uint32_t i = 0; i < f->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[f->first_ref + i];
		count += ref->kind == GRAFT_REF_ADDRESS && ref->target == addr;
	}
	return count;
}

/** How often do OLD functions that are gone take it which a function calls? What
 * it took in them it takes itself now. */
static uint32_t
count_inlined(const struct graft_diff *diff, uint32_t old_func, uint64_t addr)
{
	const struct graft_code *code = diff->old_code;
	uint32_t count = 0;

	if (old_func == GRAFT_NONE)
		return 0;
	const struct graft_func *f = &code->funcs[old_func];
	for (uint32_t i = 0; i < f->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[f->first_ref + i];
		uint32_t callee = graft_code_func_starting(code, ref->target);
		if (ref->kind == GRAFT_REF_BRANCH && callee != GRAFT_NONE &&
		    diff->old_match[callee].other == GRAFT_NONE)
			count += graft_question_count_taken(code, callee, addr);
	}
	return count;
}

/**
 * Is there an object at a data address that somebody names, and not just padding
 * up to the next? Padding is shorter than the alignment of what follows.
 */
static bool
is_object(const struct graft_code *code, uint64_t addr)
{
	const struct graft_section *section =
		graft_image_section_at(code->image, addr);

	if (!section)
		return false;
	uint64_t end = section->addr + section->size;
	uint64_t next = graft_code_next_mark(code, addr);
	if (next > end)
		next = end;
	uint64_t align = next & -next;
	return next - addr >= (align < ALIGN_MAX ? align : ALIGN_MAX);
}

/**
 * Is an address of OLD handed to functions that want an object there? Their
 * interface says how large it is.
 */
static struct graft_error *
is_handed_on(const struct graft_code *code, uint64_t addr, bool *ret)
{
	GRAFT_CLEANUP(graft_flow_deinit) struct graft_flow flow = { 0 };
	struct graft_error *err = graft_flow_init(code, &flow);

	*ret = false;
	for (uint32_t i = 0; !err && !*ret && i < code->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[i];
		uint64_t size;
		if (ref->kind != GRAFT_REF_ADDRESS || ref->target != addr)
			continue;
		err = graft_contract_find(&flow, i, false, &size);
		*ret = !err && size > 0;
	}
	return err;
}

/**
 * May the address be the end of one object for others, and the start of a new
 * one here? A new object may lie in what was padding. Not if OLD's version of the
 * function takes the same address as often.
 */
static struct graft_error *
may_be_another(const struct graft_question *q, uint64_t old_addr, bool *ret)
{
	const struct graft_diff *diff = q->closure->diff;
	uint32_t func = q->resolution->func;
	size_t count;
	const struct graft_sighting *s =
		graft_data_map_find(diff->data, q->ref->target, &count);

	*ret = false;
	if (q->partner && q->partner->kind == q->ref->kind &&
	    q->partner->target == old_addr)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (s[i].firm && s[i].old_addr == old_addr)
			return NULL;
	}
	uint32_t old_func = old_version(diff, func);
	if (q->ref->kind != GRAFT_REF_ADDRESS ||
	    (q->ref->width != 4 && !q->ref->absolute) ||
	    is_object(diff->old_code, old_addr) ||
	    graft_question_count_taken(diff->new_code, func, q->ref->target) <=
		    graft_question_count_taken(diff->old_code, old_func,
					       old_addr) +
			    count_inlined(diff, old_func, old_addr))
		return NULL;
	bool known;
	struct graft_error *err = is_handed_on(diff->old_code, old_addr,
					       &known);
	if (!err)
		*ret = !known;
	return err;
}

/**
 * May the address be the end of the object that stands before it?
 *
 * That object has to have moved as far, or its end lies elsewhere in OLD.
 */
static struct graft_error *
may_be_an_end(const struct graft_question *q, enum graft_witness witness,
	      uint64_t old_addr, bool *ret)
{
	const struct graft_diff *diff = q->closure->diff;
	uint64_t target = q->ref->target;
	bool has_partner = q->partner && q->partner->kind == q->ref->kind;
	const struct graft_symbol *before = NULL;

	*ret = false;
	if (q->ref->kind != GRAFT_REF_ADDRESS ||
	    (has_partner && q->partner->target == old_addr))
		return NULL;
	if (witness == GRAFT_WITNESS_SYMBOL) {
		before = graft_image_symbol_at(diff->new_image, target - 1);
		if (!before || before->addr + before->size != target)
			return NULL;
	}
	const struct graft_sighting *left =
		graft_data_map_near(diff, target - 1, false);
	*ret = left ? target - left->new_addr != old_addr - left->old_addr
		    : has_partner;
	// Only what stands in code itself can be followed.
	if (!*ret || !before || q->resolution->func == GRAFT_NONE ||
	    q->ref != &diff->new_code->refs[q->resolution->ref])
		return NULL;
	bool is_start;
	struct graft_error *err = graft_past_is_start(
		diff->new_code, q->resolution->func, q->resolution->ref,
		before->size, &is_start);
	if (!err)
		*ret = !is_start;
	return err;
}

/** Find the address of OLD that symbols or code speak for. */
static struct graft_error *
find_old(const struct graft_question *q, enum graft_witness witness,
	 uint64_t *old_addr, bool *ret)
{
	bool another = witness < GRAFT_WITNESS_ALIGNED;
	struct graft_error *err = NULL;

	if (witness == GRAFT_WITNESS_ALIGNED ||
	    witness == GRAFT_WITNESS_REFERENCE)
		err = may_be_another(q, *old_addr, &another);
	*ret = !another;
	if (err || *ret)
		return err;
	*ret = all_agree(q);
	if (*ret)
		*old_addr = q->partner->target;
	else if (witness == GRAFT_WITNESS_NEIGHBOURS)
		*ret = old_version_agrees(q);
	if (*ret || witness != GRAFT_WITNESS_NEIGHBOURS ||
	    q->resolution->func == GRAFT_NONE)
		return NULL;
	err = graft_inlined_look(q->closure->diff, q->resolution->func,
				 &q->closure->inlined);
	*ret = !err && graft_inlined_shows(&q->closure->inlined, q->ref->target,
					   *old_addr);
	return err;
}

struct graft_error *
graft_question_data(const struct graft_question *q)
{
	struct graft_diff *diff = q->closure->diff;
	struct graft_error *err = NULL;
	uint64_t old_addr = 0;
	enum graft_witness witness = graft_diff_old_data(diff, q->ref->target,
							 &old_addr);
	bool may_end = false;
	bool found = false;
	bool is_new = false;
	bool done = false;

	q->resolution->thing = GRAFT_THING_DATA;
	if (witness > GRAFT_WITNESS_CONFLICT)
		err = may_be_an_end(q, witness, old_addr, &may_end);
	if (err)
		return err;
	if (may_end)
		witness = GRAFT_WITNESS_CONFLICT;
	err = find_old(q, witness, &old_addr, &found);
	if (!err && witness == GRAFT_WITNESS_SYMBOL)
		err = graft_question_front(q, &old_addr, &done);
	if (!err && !done && found)
		err = graft_question_settle(q, old_addr, &done);
	if (!err && !done)
		err = graft_question_renamed(q, &done);
	if (!err && !done && witness != GRAFT_WITNESS_SYMBOL)
		err = graft_question_front(q, NULL, &done);
	if (err || done)
		return err;
	err = carry_new_object(q, &is_new);
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
		q->closure, graft_question_finding(q, kind),
		"%s what stood in the old build for the "
		"writable data at 0x%llx (%s+0x%llx)",
		why, (unsigned long long)q->ref->target, section->name,
		(unsigned long long)(q->ref->target - section->addr));
}

struct graft_error *
graft_question_tls(const struct graft_question *q)
{
	q->resolution->thing = GRAFT_THING_TLS;
	q->resolution->place = GRAFT_PLACE_SAME;
	if (graft_thread_local_is_same(q->closure->diff, q->ref->target))
		return NULL;
	if (q->partner && q->partner->kind == GRAFT_REF_TLS &&
	    q->partner->target != q->ref->target)
		return graft_closure_find(
			q->closure,
			graft_question_finding(q, GRAFT_FINDING_TLS),
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
	return graft_closure_find(q->closure,
				  graft_question_finding(q, GRAFT_FINDING_TLS),
				  "nothing in the old build uses offset %lld "
				  "of the thread block",
				  (long long)q->ref->target);
}
