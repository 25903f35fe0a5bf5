// SPDX-License-Identifier: Apache-2.0

#include "judge/types/explained.h"

#include "judge/types/pointees.h"

#include <stdlib.h>

enum {
	/** How far from each other the steps of one loop stand, in
	 * instructions. */
	LOOP_MAX = 200,
};

/** Bytes from where a base and an index lead; exclusive at the end. */
struct run {
	int64_t low;
	int64_t high;
};

/** Say whether two operands differ in nothing but the displacement: elements of
 * one size. */
static bool
is_alike(const struct graft_op *a, const struct graft_op *b)
{
	return a->has_mem && a->base == b->base && a->index == b->index &&
	       a->scale == b->scale && a->mem_size == b->mem_size;
}

/** Say whether a register is moved on by a constant, and not loaded, near an
 * instruction: it walks. */
static bool
walks(const struct graft_ops *ops, uint32_t first, uint32_t end, uint8_t reg)
{
	for (uint32_t i = first; i < end; i++) {
		const struct graft_op *op = &ops->ops[i];
		bool adds = op->what == GRAFT_OP_ADD && !op->has_mem &&
			    op->has_imm && op->dst == reg;
		bool leads = op->what == GRAFT_OP_LEA && op->dst == reg &&
			     op->base == reg && op->index == GRAFT_REG_NONE;
		if (adds || leads)
			return true;
	}
	return false;
}

/** Let a run take in what touches it. */
static bool
grow(struct run *run, int64_t low, int64_t high)
{
	if (low > run->high || high < run->low ||
	    (low >= run->low && high <= run->high))
		return false;
	run->low = low < run->low ? low : run->low;
	run->high = high > run->high ? high : run->high;
	return true;
}

/**
 * Say whether an instruction is one step of a loop over elements: what is reached
 * by its base and index there is one piece, and that begins or ends where they
 * lead, or goes over it. A compiler that does several steps at once, or turns the
 * loop round, counts them from there.
 */
static bool
is_step(const struct graft_ops *ops, uint32_t at)
{
	const struct graft_op *like = &ops->ops[at];
	struct run run = { like->disp, like->disp + like->mem_size };
	uint32_t first = at > LOOP_MAX ? at - LOOP_MAX : 0;
	uint32_t end = at + LOOP_MAX < ops->count ? at + LOOP_MAX : ops->count;
	bool grew = true;

	if (!graft_op_through_pointer(ops, like) ||
	    like->what == GRAFT_OP_LEA ||
	    (like->index == GRAFT_REG_NONE &&
	     !walks(ops, first, end, like->base)))
		return false;
	while (grew && (run.low > 0 || run.high < 0)) {
		grew = false;
		for (uint32_t i = first; i < end; i++) {
			const struct graft_op *op = &ops->ops[i];
			if (op->what != GRAFT_OP_LEA && is_alike(op, like))
				grew |= grow(&run, op->disp,
					     op->disp + op->mem_size);
		}
	}
	return run.low <= 0 && run.high >= 0;
}

/** Find the instructions of one function that reach what types describe, or an
 * element by steps from its index. */
static struct graft_error *
read_side(const struct graft_case *c, const struct graft_ops *ops, bool **ret)
{
	struct graft_pointees pointees = { 0 };
	struct graft_error *err = graft_pointees_read(c, ops, &pointees);

	for (uint32_t i = 0; !err && i < ops->count; i++)
		pointees.described[i] |= is_step(ops, i);
	if (!err)
		*ret = GRAFT_TAKE(pointees.described);
	graft_pointees_deinit(&pointees);
	return err;
}

struct graft_error *
graft_explained_read(const struct graft_case *c, const struct graft_twin *twin,
		     struct graft_explained *ret)
{
	struct graft_error *err = read_side(c, &twin->old_ops, &ret->o);

	return err ? err : read_side(c, &twin->new_ops, &ret->n);
}

bool
graft_explained_pair(const struct graft_explained *explained,
		     const struct graft_twin_pair *pair)
{
	return explained->o && explained->n &&
	       (explained->o[pair->o] || explained->n[pair->n]);
}

void
graft_explained_deinit(struct graft_explained *explained)
{
	free(explained->o);
	free(explained->n);
	*explained = (struct graft_explained){ 0 };
}
