// SPDX-License-Identifier: Apache-2.0

// R-24 where a constant is chosen before it is stored, handed on or returned:
// `x = c ? 3 : 4; p->state = x`. A constant that may come where it did not, in
// place of one that no longer comes, refuses; one that comes in addition is a new
// state. What a table says is compared as a whole.

#include "judge/rules/checks.h"

#include "base/cleanup.h"
#include "diff/constant/constant.h"
#include "judge/data/grown_table.h"
#include "judge/flow/leavings.h"
#include "judge/flow/result_use.h"
#include "judge/rules/handed_on.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Both sides of one function. */
struct chosen {
	struct graft_case *c;
	const struct graft_twin *twin;
	struct graft_leavings was;
	struct graft_leavings is;
};

/** Say whether one constant came in the place of another. A single one on either
 * side is compared elsewhere if its store has a counterpart. */
static bool
is_replaced(const struct graft_choice *o, const struct graft_choice *n,
	    int32_t *gone_ret, int32_t *come_ret)
{
	return graft_choice_is_known(o) && graft_choice_is_known(n) &&
	       graft_choice_only_in(o, n, gone_ret) &&
	       graft_choice_only_in(n, o, come_ret);
}

/** Say whether the elements that are read at most are the same. */
static bool
has_same_rows(const struct graft_diff *diff, const struct graft_choice *o,
	      const struct graft_choice *n)
{
	uint64_t len = (uint64_t)o->rows * o->size;
	const uint8_t *was = graft_image_bytes(diff->old_image, o->table, len);
	const uint8_t *is = graft_image_bytes(diff->new_image, n->table, len);

	return len && o->rows == n->rows && was && is &&
	       memcmp(was, is, len) == 0;
}

/** Say whether two tables are read that say something else: more rows at the end
 * say nothing else of those that were there. */
static struct graft_error *
is_other_table(const struct chosen *chosen, const struct graft_choice *o,
	       const struct graft_choice *n, bool *ret)
{
	bool same = true;

	*ret = false;
	if (o->count != GRAFT_CHOICE_TABLE || n->count != GRAFT_CHOICE_TABLE ||
	    !o->size || o->size != n->size ||
	    has_same_rows(chosen->c->diff, o, n))
		return NULL;
	struct graft_error *err = graft_constant_equal(
		chosen->c->diff, o->table, n->table, 0, &same);
	if (!err && !same)
		err = graft_table_has_grown(chosen->c->diff, o->table, n->table,
					    &same);
	*ret = !same;
	return err;
}

static struct graft_place_text
place(const struct chosen *chosen, uint32_t n)
{
	const struct graft_ops *ops = &chosen->twin->new_ops;

	return graft_place_code(ops->code, ops->func, ops->ops[n].addr);
}

/** Compare two stores that stand for each other. */
static struct graft_error *
check_store(const struct chosen *chosen, const struct graft_twin_pair *pair)
{
	const struct graft_leaving *o =
		graft_leavings_find(&chosen->was, pair->o, GRAFT_LEAVE_STORED);
	const struct graft_leaving *n =
		graft_leavings_find(&chosen->is, pair->n, GRAFT_LEAVE_STORED);
	int32_t gone;
	int32_t come;
	bool other;

	if (!o || !n)
		return NULL;
	const struct graft_op *was = &chosen->twin->old_ops.ops[o->at];
	const struct graft_op *is = &chosen->twin->new_ops.ops[n->at];
	// Constants in the stores themselves are compared by meaning.c.
	if ((!was->has_ref && was->disp != is->disp) ||
	    (was->has_imm && is->has_imm))
		return NULL;
	struct graft_twin_text text = graft_twin_print(chosen->twin, o->at,
						       n->at);
	if (is_replaced(&o->choice, &n->choice, &gone, &come))
		return graft_case_refuse(
			chosen->c, GRAFT_RULE_MEANING, place(chosen, n->at).str,
			"%s: may have stored %d, and now %d, where it outlives the call; whether it means something else cannot be seen",
			text.str, gone, come);
	struct graft_error *err = is_other_table(chosen, &o->choice, &n->choice,
						 &other);
	if (err || !other)
		return err;
	return graft_case_refuse(
		chosen->c, GRAFT_RULE_MEANING, place(chosen, n->at).str,
		"%s: what is stored where it outlives the call comes from a table that differs; whether it means something else cannot be seen",
		text.str);
}

/** Constants that leave in one way, wherever they do. */
struct gathered {
	struct graft_choice all;
	/** Whether something is in it; without, and where that became too many,
	 * it is unknown. */
	bool began;
	/** Whether one of several is chosen somewhere. */
	bool chooses;
	/** The last place. */
	uint32_t at;
};

/** Put in what leaves at one place, if that is known. */
static void
gather(struct gathered *gathered, const struct graft_leaving *leaving)
{
	if (!graft_choice_is_known(&leaving->choice))
		return;
	// Adding to nothing is no way to begin: an unknown choice stays unknown.
	if (!gathered->began)
		gathered->all = leaving->choice;
	else
		graft_choice_add(&gathered->all, &leaving->choice);
	gathered->began = true;
	gathered->chooses |= leaving->choice.count > 1;
	gathered->at = leaving->at;
}

/** Collect all that is stored at the place that an instruction stores to. */
static struct gathered
stored_there(const struct graft_ops *ops, const struct graft_leavings *leavings,
	     const struct graft_op *like)
{
	struct gathered gathered = { 0 };

	for (size_t i = 0; i < leavings->count; i++) {
		const struct graft_leaving *leaving = &leavings->list[i];
		const struct graft_op *op = &ops->ops[leaving->at];
		if (leaving->how == GRAFT_LEAVE_STORED && !op->has_ref &&
		    op->reach == like->reach && op->mem_size == like->mem_size)
			gather(&gathered, leaving);
	}
	return gathered;
}

/** Compare what is stored at one place in any way: by one store of what was
 * chosen, or by a store on each way. */
static struct graft_error *
check_place(const struct chosen *chosen, const struct graft_leaving *n)
{
	const struct graft_twin *twin = chosen->twin;
	const struct graft_op *op = &twin->new_ops.ops[n->at];
	int32_t gone;
	int32_t come;

	if (n->how != GRAFT_LEAVE_STORED || op->has_ref)
		return NULL;
	struct gathered was = stored_there(&twin->old_ops, &chosen->was, op);
	struct gathered is = stored_there(&twin->new_ops, &chosen->is, op);
	if (!(was.chooses || is.chooses) ||
	    !is_replaced(&was.all, &is.all, &gone, &come))
		return NULL;
	return graft_case_refuse(
		chosen->c, GRAFT_RULE_MEANING, place(chosen, n->at).str,
		"at 0x%llx of what is pointed to %d was stored, and now %d is; whether it means something else cannot be seen",
		(unsigned long long)op->reach, gone, come);
}

/** Compare what two calls of a function that stores its arguments are given. */
static struct graft_error *
check_call(const struct chosen *chosen, const struct graft_twin_pair *pair)
{
	const struct graft_twin *twin = chosen->twin;
	struct graft_error *err = NULL;

	for (uint8_t i = 0; !err && i < 6; i++) {
		uint8_t how = (uint8_t)(GRAFT_LEAVE_ARGUMENT + i);
		const struct graft_leaving *o =
			graft_leavings_find(&chosen->was, pair->o, how);
		const struct graft_leaving *n =
			graft_leavings_find(&chosen->is, pair->n, how);
		uint32_t stored;
		int32_t gone;
		int32_t come;
		if (!o || !n ||
		    !is_replaced(&o->choice, &n->choice, &gone, &come))
			continue;
		uint32_t callee = graft_op_callee(&twin->new_ops,
						  &twin->new_ops.ops[n->at])
					  .func;
		if (chosen->c->diff->new_match[callee].other !=
		    graft_op_callee(&twin->old_ops, &twin->old_ops.ops[o->at])
			    .func)
			continue;
		err = graft_stored_arguments(twin->new_ops.code, callee,
					     &stored);
		if (err || !(stored & (1U << i)))
			continue;
		err = graft_case_refuse(
			chosen->c, GRAFT_RULE_MEANING, place(chosen, n->at).str,
			"argument %u may have been %d, and now %d, and the function that is called stores it where it outlives the call; whether it means something else cannot be seen",
			i + 1U, gone, come);
	}
	return err;
}

/** Collect the constants that a function may return. */
static struct gathered
all_returned(const struct graft_leavings *leavings)
{
	struct gathered gathered = { 0 };

	for (size_t i = 0; i < leavings->count; i++) {
		if (leavings->list[i].how == GRAFT_LEAVE_RETURNED)
			gather(&gathered, &leavings->list[i]);
	}
	return gathered;
}

/** Find a way on which an element of a table is returned. */
static const struct graft_leaving *
returned_from_table(const struct graft_leavings *leavings)
{
	for (size_t i = 0; i < leavings->count; i++) {
		const struct graft_leaving *leaving = &leavings->list[i];
		if (leaving->how == GRAFT_LEAVE_RETURNED &&
		    leaving->choice.count == GRAFT_CHOICE_TABLE)
			return leaving;
	}
	return NULL;
}

/** Refuse what is returned to a function that stores it, or allocates by it. */
static struct graft_error *
refuse_result(const struct chosen *chosen, uint32_t at, bool may_be_size,
	      const char *what)
{
	const struct graft_ops *ops = &chosen->twin->new_ops;
	struct graft_result_use use;
	struct graft_error *err = graft_use_of_result(
		chosen->c->new_graph, ops->func, may_be_size, &use);

	if (err || use.caller == GRAFT_NONE)
		return err;
	struct graft_place_text who = graft_place_code(
		ops->code, use.caller, ops->code->funcs[use.caller].addr);
	return graft_case_refuse(
		chosen->c, use.size ? GRAFT_RULE_SIZE : GRAFT_RULE_MEANING,
		place(chosen, at).str, "%s, and %s %s", what, who.str,
		use.size
			? "allocates by it: objects that exist already have the old size"
			: "stores it where it outlives the call; whether it means something else cannot be seen");
}

/** Compare what is returned to a function that stores it, or allocates by it. */
static struct graft_error *
check_result(const struct chosen *chosen)
{
	struct gathered was = all_returned(&chosen->was);
	struct gathered is = all_returned(&chosen->is);
	const struct graft_leaving *o = returned_from_table(&chosen->was);
	const struct graft_leaving *n = returned_from_table(&chosen->is);
	char what[100];
	bool other = false;
	int32_t gone;
	int32_t come;

	if (is_replaced(&was.all, &is.all, &gone, &come)) {
		(void)snprintf(what, sizeof(what),
			       "may have returned %d, and now %d", gone, come);
		return refuse_result(chosen, is.at, gone > 0 && come > 0, what);
	}
	struct graft_error *err = o && n ? is_other_table(chosen, &o->choice,
							  &n->choice, &other)
					 : NULL;
	return err || !other
		       ? err
		       : refuse_result(
				 chosen, n->at, true,
				 "returns what a table says that differs");
}

static struct graft_error *
check_all(const struct chosen *chosen)
{
	const struct graft_twin *twin = chosen->twin;
	const uint32_t *said = &chosen->c->per_rule[GRAFT_RULE_MEANING];
	uint32_t before = *said;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < twin->count; i++) {
		err = check_store(chosen, &twin->pairs[i]);
		if (!err)
			err = check_call(chosen, &twin->pairs[i]);
	}
	for (size_t i = 0; !err && *said == before && i < chosen->is.count; i++)
		err = check_place(chosen, &chosen->is.list[i]);
	return err ? err : check_result(chosen);
}

struct graft_error *
graft_check_chosen(struct graft_case *c, const struct graft_twin *twin)
{
	struct chosen chosen = { .c = c, .twin = twin };
	struct graft_error *err = graft_leavings_read(&twin->old_ops,
						      &chosen.was);

	if (!err)
		err = graft_leavings_read(&twin->new_ops, &chosen.is);
	if (!err && chosen.was.count && chosen.is.count)
		err = check_all(&chosen);
	free(chosen.was.list);
	free(chosen.is.list);
	return err;
}
