// SPDX-License-Identifier: Apache-2.0

// R-20 without names: references that are counted. What takes one in one
// function and gives it back in another must go on doing so in pairs: an object
// that OLD took would be given back twice, or never. A count that changes in one
// function only is a fix or a statistic; in two of them, it moved.

#include "judge/rules/checks.h"

#include "base/vec.h"
#include "judge/flow/op.h"

#include <stdlib.h>

/** What one function does with counts, NEW less OLD. */
struct change {
	uint32_t func;
	/** Of NEW where there is one; otherwise of OLD. */
	bool in_old;
	int32_t by;
	/** One of the instructions. */
	uint64_t addr;
	struct graft_op_text text;
};

struct changes {
	struct change *list;
	size_t count;
	size_t cap;
};

/** Find by how much an instruction changes a count that others share. */
static int32_t
counts_by(const struct graft_ops *ops, uint32_t at)
{
	const struct graft_op *op = &ops->ops[at];
	int64_t by = 0;

	if (!op->is_atomic || graft_op_in_frame(ops, op))
		return 0;
	switch (op->atomic) {
	case GRAFT_ATOMIC_INC:
		return 1;
	case GRAFT_ATOMIC_DEC:
		return -1;
	case GRAFT_ATOMIC_ADD:
	case GRAFT_ATOMIC_SUB:
		if (op->has_imm)
			by = op->imm;
		else if (!graft_op_find_constant(ops, at, op->src, &by))
			return 0;
		break;
	default:
		return 0;
	}
	if (by != 1 && by != -1)
		by = (int32_t)by == -1 ? -1 : 0;
	return (int32_t)(op->atomic == GRAFT_ATOMIC_SUB ? -by : by);
}

/** Add up what a function does; both sides of it differ in sign. */
static struct graft_error *
add_up(const struct graft_code *code, uint32_t func, int32_t sign,
       struct change *change)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct graft_error *err = graft_ops_read(code, func, &ops);

	for (uint32_t i = 0; !err && i < ops.count; i++) {
		int32_t by = counts_by(&ops, i);
		if (by == 0)
			continue;
		change->by += sign * by;
		change->addr = ops.ops[i].addr;
		change->text = graft_op_print(&ops, &ops.ops[i]);
		change->in_old = sign < 0;
		change->func = func;
	}
	return err;
}

static struct graft_error *
add_change(struct changes *changes, const struct change *change)
{
	if (change->by == 0)
		return NULL;
	struct graft_error *err =
		graft_vec_reserve(&changes->list, &changes->cap,
				  changes->count + 1, sizeof(*changes->list));
	if (!err)
		changes->list[changes->count++] = *change;
	return err;
}

static struct graft_error *
collect(const struct graft_diff *diff, struct changes *changes)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < diff->carried_count; i++) {
		uint32_t n = diff->carried[i];
		struct change change = { 0 };
		if (diff->new_match[n].other != GRAFT_NONE)
			err = add_up(diff->old_code, diff->new_match[n].other,
				     -1, &change);
		if (!err)
			err = add_up(diff->new_code, n, 1, &change);
		if (!err)
			err = add_change(changes, &change);
	}
	for (uint32_t o = 0; !err && o < diff->old_code->func_count; o++) {
		struct change change = { 0 };
		if (diff->old_match[o].other != GRAFT_NONE ||
		    diff->carried_count == 0)
			continue;
		err = add_up(diff->old_code, o, -1, &change);
		if (!err)
			err = add_change(changes, &change);
	}
	return err;
}

static struct graft_error *
refuse(struct graft_case *c, const struct change *a, const struct change *b)
{
	const struct graft_diff *diff = c->diff;
	const struct graft_code *code = a->in_old ? diff->old_code
						  : diff->new_code;
	const struct graft_code *other = b->in_old ? diff->old_code
						   : diff->new_code;
	struct graft_place_text where = graft_place_code(code, a->func,
							 a->addr);
	struct graft_place_text there = graft_place_code(other, b->func,
							 b->addr);

	return graft_case_refuse(
		c, GRAFT_RULE_PAIRS, where.str,
		"a shared count is changed by %d more in sum (`%s` at 0x%llx of %s), and in %s by %d (`%s` at 0x%llx of %s): what was counted before the change is not counted back alike",
		a->by, a->text.str, (unsigned long long)a->addr,
		a->in_old ? "OLD" : "NEW", there.str, b->by, b->text.str,
		(unsigned long long)b->addr, b->in_old ? "OLD" : "NEW");
}

struct graft_error *
graft_check_counts(struct graft_case *c)
{
	struct changes changes = { 0 };
	struct graft_error *err = collect(c->diff, &changes);

	for (size_t i = 1; !err && i < changes.count; i++)
		err = refuse(c, &changes.list[i - 1], &changes.list[i]);
	free(changes.list);
	return err;
}
