// SPDX-License-Identifier: Apache-2.0

#include "diff/closure/question.h"
#include "diff/code/past.h"

/** Does an object with a name, of one size on both sides, start the walk? */
static bool
is_named(const struct graft_diff *diff, const struct graft_ref *ref)
{
	const struct graft_symbol *symbol =
		graft_image_symbol_at(diff->new_image, ref->end_of);
	uint64_t old_addr;

	return symbol && ref->target - symbol->addr <= symbol->size &&
	       graft_diff_old_data(diff, ref->end_of, &old_addr) ==
		       GRAFT_WITNESS_SYMBOL;
}

/** The reference that a walk starts with. */
static struct graft_ref
start_of(const struct graft_ref *end)
{
	struct graft_ref start = *end;

	start.target = end->end_of;
	start.end_of = 0;
	return start;
}

struct graft_error *
graft_question_end(const struct graft_question *q, bool *done)
{
	bool same = q->partner && graft_past_same(q->partner, q->ref);

	*done = q->ref->end_of && (same || is_named(q->closure->diff, q->ref));
	if (!*done)
		return NULL;
	struct graft_ref start = start_of(q->ref);
	struct graft_ref old_start = { 0 };
	struct graft_question base = *q;
	base.ref = &start;
	base.partner = NULL;
	if (same) {
		old_start = start_of(q->partner);
		base.partner = &old_start;
	}
	struct graft_error *err = graft_question_data(&base);
	// The end is as far behind the start as it was.
	if (!err && q->resolution->place == GRAFT_PLACE_OLD)
		q->resolution->old_addr += q->ref->target - start.target;
	return err;
}
