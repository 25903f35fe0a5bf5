// SPDX-License-Identifier: Apache-2.0

#include "judge/judge.h"

#include "judge/case.h"
#include "judge/fates.h"
#include "judge/flow/twin.h"
#include "judge/interleave/interleave.h"
#include "judge/rules/checks.h"
#include "judge/types/types.h"

typedef struct graft_error *(*check_fn)(struct graft_case *c);
typedef struct graft_error *(*twin_check_fn)(struct graft_case *c,
					     const struct graft_twin *twin);

/** Checks of the whole case. */
static const check_fn checks[] = {
	// First: the others ask what it found.
	graft_check_types,       graft_check_findings,
	graft_check_globals,     graft_check_initial,
	graft_check_startup,     graft_check_thread_local,
	graft_check_exports,     graft_check_signature,
	graft_check_vtables,     graft_check_unwind,
	graft_check_identity,    graft_check_objects,
	graft_check_once,        graft_check_left,
	graft_check_counts,      graft_check_aligned_objects,
	graft_check_makers,      graft_check_owned,
	graft_check_encoding,    graft_check_loading,
	graft_check_two_for_one, graft_check_ended_elsewhere,
	graft_check_at_start,    graft_check_unread_members,
};

/** Checks of one function beside its old self. */
static const twin_check_fn twin_checks[] = {
	graft_check_local_dynamic, graft_check_layout,
	graft_check_fields,        graft_check_named_members,
	graft_check_sizes,         graft_check_pairs,
	graft_check_meaning,       graft_check_handed_on,
	graft_check_aligned,       graft_check_numbers,
	graft_check_locks,         graft_check_kept_index,
	graft_check_chosen,        graft_check_retyped,
	graft_check_before,        graft_check_forms,
	graft_check_moved_to_new,  graft_check_other_thing,
	graft_check_attributes,    graft_check_first_use,
	graft_check_wraps,         graft_check_traded_places,
};

static struct graft_error *
judge_twin(struct graft_case *c, uint32_t old_func, uint32_t new_func)
{
	GRAFT_CLEANUP(graft_twin_deinit) struct graft_twin twin = { 0 };
	struct graft_error *err = graft_twin_make_of(c->diff, old_func,
						     new_func, &twin);

	for (size_t i = 0;
	     !err && i < sizeof(twin_checks) / sizeof(*twin_checks); i++)
		err = twin_checks[i](c, &twin);
	return err;
}

/** Compare what has no counterpart on either side and may be one function. */
static struct graft_error *
judge_unknown_fates(struct graft_case *c)
{
	GRAFT_CLEANUP(graft_fates_deinit) struct graft_fates fates = { 0 };
	struct graft_error *err = graft_fates_find(c, &fates);

	for (size_t i = 0; !err && i < fates.count; i++) {
		uint32_t before = graft_case_refusals(c);
		err = judge_twin(c, fates.list[i].old_func,
				 fates.list[i].new_func);
		if (!err && graft_case_refusals(c) == before)
			err = graft_fate_refuse(c, &fates.list[i]);
	}
	return err;
}

static struct graft_error *
judge_all(struct graft_case *c)
{
	struct graft_error *err = graft_case_init(c);

	for (size_t i = 0; !err && i < sizeof(checks) / sizeof(*checks); i++)
		err = checks[i](c);
	for (size_t i = 0; !err && i < c->diff->carried_count; i++) {
		uint32_t func = c->diff->carried[i];
		if (graft_case_is_twin(c, func))
			err = judge_twin(c, c->diff->new_match[func].other,
					 func);
	}
	if (!err)
		err = judge_unknown_fates(c);
	if (!err)
		err = graft_check_traded(c);
	if (!err)
		err = graft_check_together(c);
	if (err)
		return err;
	return graft_case_finish(c);
}

static enum graft_verdict
verdict_of(const struct graft_case *c)
{
	for (size_t i = 0; i < c->count; i++) {
		if (!c->reasons[i].note)
			return GRAFT_VERDICT_BASELINE;
	}
	if (graft_diff_is_identical(c->diff))
		return GRAFT_VERDICT_IDENTICAL;
	return GRAFT_VERDICT_HOTPATCH;
}

struct graft_error *
graft_judge(const struct graft_diff *diff, struct graft_verdict_result *ret)
{
	GRAFT_CLEANUP(graft_case_deinit) struct graft_case c = { .diff = diff };
	struct graft_error *err = judge_all(&c);

	if (err)
		return err;
	enum graft_verdict verdict = verdict_of(&c);
	enum graft_assurance assurance = GRAFT_ASSURANCE_NONE;
	// At a fixed address it is inferred which object an operand means.
	if (verdict == GRAFT_VERDICT_HOTPATCH)
		assurance = graft_types_prove(&c) && !graft_image_is_fixed(
							     diff->new_image)
				    ? GRAFT_ASSURANCE_PROVEN
				    : GRAFT_ASSURANCE_INFERRED;
	struct graft_verdict_result immediate = { 0 };
	if (verdict == GRAFT_VERDICT_HOTPATCH && diff->entry_count == 1) {
		err = graft_interleave_prove(&c, &immediate.immediate_why);
		if (err)
			return err;
		immediate.immediate = immediate.immediate_why
					      ? GRAFT_IMMEDIATE_REFUSED
					      : GRAFT_IMMEDIATE_PROVEN;
	}
	*ret = (struct graft_verdict_result){
		.immediate = immediate.immediate,
		.immediate_why = immediate.immediate_why,
		.verdict = verdict,
		.assurance = assurance,
		.reasons = GRAFT_TAKE(c.reasons),
		.reason_count = c.count,
	};
	c.count = 0;
	return NULL;
}

void
graft_verdict_result_deinit(struct graft_verdict_result *result)
{
	if (!result)
		return;
	for (size_t i = 0; i < result->reason_count; i++)
		graft_reason_deinit(&result->reasons[i]);
	free(result->reasons);
	free(result->immediate_why);
	*result = (struct graft_verdict_result){ 0 };
}
