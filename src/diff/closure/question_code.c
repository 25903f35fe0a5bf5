// SPDX-License-Identifier: Apache-2.0

#include "diff/closure/question.h"

#include "diff/code/area.h"
#include "diff/match/match.h"

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
