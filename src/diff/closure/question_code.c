// SPDX-License-Identifier: Apache-2.0

#include "diff/closure/question.h"

#include "diff/code/area.h"
#include "diff/match/match.h"

#include <string.h>

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

/** Does code or a pointer of OLD take the address of a stub? */
static bool
is_taken(const struct graft_code *code, uint64_t stub)
{
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(code->image,
							      &count);

	for (size_t i = 0; i < code->ref_count; i++) {
		if (code->refs[i].kind == GRAFT_REF_ADDRESS &&
		    code->refs[i].target == stub)
			return true;
	}
	for (size_t i = 0; i < count; i++) {
		if (relocs[i].type == R_X86_64_RELATIVE &&
		    (uint64_t)relocs[i].addend == stub)
			return true;
	}
	return false;
}

struct graft_error *
graft_question_stub(const struct graft_question *q)
{
	const struct graft_diff *diff = q->closure->diff;
	const struct graft_plt *n = graft_image_plt_at(diff->new_image,
						       q->ref->target);
	size_t count;
	const struct graft_plt *plts = graft_image_plts(diff->old_image,
							&count);

	// Only a stub whose address is taken is the function's for all modules.
	for (size_t i = 0; n && n->reloc->symbol && i < count; i++) {
		const struct graft_symbol *o = plts[i].reloc->symbol;
		if (!o || strcmp(o->name, n->reloc->symbol->name) != 0 ||
		    strcmp(o->version ? o->version : "",
			   n->reloc->symbol->version ? n->reloc->symbol->version
						     : "") != 0 ||
		    !is_taken(diff->old_code, plts[i].addr))
			continue;
		graft_question_put_old(q->resolution, plts[i].addr);
		return NULL;
	}
	return graft_closure_find(
		q->closure, graft_question_finding(q, GRAFT_FINDING_UNRESOLVED),
		"it takes the address of a function of another module, of which "
		"the old build has another address");
}

struct graft_error *
graft_question_code(const struct graft_question *q)
{
	struct graft_diff *diff = q->closure->diff;
	uint32_t func = graft_code_func_at(diff->new_code, q->ref->target);

	q->resolution->thing = GRAFT_THING_FUNCTION;
	uint64_t between;
	if (func == GRAFT_NONE &&
	    graft_match_between(diff, q->ref->target, &between)) {
		graft_question_put_old(q->resolution, between);
		return NULL;
	}
	if (func == GRAFT_NONE)
		return graft_closure_find(
			q->closure,
			graft_question_finding(q, GRAFT_FINDING_UNRESOLVED),
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
			q->closure,
			graft_question_finding(q, GRAFT_FINDING_CONFLICT),
			"the function at 0x%llx was found by its place only, "
			"and the old build comes to another one here",
			(unsigned long long)q->ref->target);
	if (off == 0 && !branch) {
		// Identity: pointers to a function that OLD has stay the same.
		graft_question_put_old(q->resolution, old_addr);
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
			q->closure,
			graft_question_finding(q, GRAFT_FINDING_UNRESOLVED),
			"a reference into the middle of a changed function");
	graft_question_put_old(q->resolution, old_addr + off);
	return NULL;
}
