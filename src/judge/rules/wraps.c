// SPDX-License-Identifier: Apache-2.0

// a number that goes round and is kept as it counts up, `i++; ring[i & 63]`, or is
// cut when it is kept, `i = (i + 1) & 63; ring[i]`. What OLD kept is not cut: NEW's index
// is far out of its array. And what OLD cut tells NEW of no distance.

#include "judge/rules/checks.h"

#include "base/vec.h"
#include "judge/rules/kept_at.h"

#include <Zydis/Zydis.h>

enum {
	/** Operations between a load and what becomes of it. */
	CHAIN_MAX = 8,
};

/** A number that is loaded, moved on, and stored where it was. */
struct step {
	struct graft_kept_at at;
	/** Bits that are left of it before it is stored; 0 for all. */
	int64_t mask;
	uint32_t op;
};

struct steps {
	struct step *list;
	size_t count;
	size_t cap;
};

static void
steps_deinit(struct steps *steps)
{
	free(steps->list);
}

/** Find the register of which an operation makes its destination, or _NONE. */
static uint8_t
made_of(const struct graft_op *op)
{
	switch (op->mnemonic) {
	case ZYDIS_MNEMONIC_LEA:
		return op->index == GRAFT_REG_NONE && !op->has_ref
			       ? op->base
			       : GRAFT_REG_NONE;
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_AND:
		return op->has_imm ? op->dst : GRAFT_REG_NONE;
	case ZYDIS_MNEMONIC_INC:
	case ZYDIS_MNEMONIC_DEC:
		return op->dst;
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVSXD:
	case ZYDIS_MNEMONIC_CDQE:
		return op->mnemonic == ZYDIS_MNEMONIC_CDQE ? GRAFT_REG_RAX
							   : op->src;
	default:
		return GRAFT_REG_NONE;
	}
}

/**
 * Follow what a register holds back to where it was loaded.
 *
 * @param[out] from_ret The place.
 * @param[out] mask_ret The bits that are left of it, 0 for all.
 * @param[out] moved_ret Something is added to it on the way.
 */
static bool
find_load(const struct graft_case *c, const struct graft_ops *ops, uint32_t at,
	  uint8_t reg, struct graft_kept_at *from_ret, int64_t *mask_ret,
	  bool *moved_ret)
{
	*mask_ret = 0;
	*moved_ret = false;
	for (int i = 0; i < CHAIN_MAX && reg < GRAFT_REG_XMM0; i++) {
		at = graft_op_writer(ops, at, reg);
		if (at >= ops->count)
			return false;
		const struct graft_op *op = &ops->ops[at];
		bool moves = op->what == GRAFT_OP_MOV ||
			     op->mnemonic == ZYDIS_MNEMONIC_MOVSXD;
		if (op->mem_read && op->what != GRAFT_OP_LEA)
			return moves &&
			       graft_kept_at_find(c, ops, op, from_ret);
		// Flags that are cleared are no number that goes round.
		if (op->mnemonic == ZYDIS_MNEMONIC_AND &&
		    (op->imm <= 0 || (op->imm & (op->imm + 1)) != 0))
			return false;
		if (op->mnemonic == ZYDIS_MNEMONIC_AND)
			*mask_ret = op->imm;
		else
			*moved_ret |= op->what != GRAFT_OP_MOV;
		reg = made_of(op);
	}
	return false;
}

/** Collect the numbers that a function moves on. */
GRAFT_MUST_CHECK static struct graft_error *
collect(const struct graft_case *c, const struct graft_ops *ops,
	struct steps *ret)
{
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		struct step step = { .op = i };
		struct graft_kept_at from;
		bool moved;
		bool counts = op->mem_read &&
			      (op->what == GRAFT_OP_ADD ||
			       op->mnemonic == ZYDIS_MNEMONIC_INC ||
			       op->mnemonic == ZYDIS_MNEMONIC_DEC);
		if (!op->mem_write || op->mem_size < 4 ||
		    !graft_kept_at_find(c, ops, op, &step.at) ||
		    step.at.indexed)
			continue;
		if (!counts &&
		    (op->what != GRAFT_OP_MOV || op->has_imm ||
		     !find_load(c, ops, i, op->src, &from, &step.mask,
				&moved) ||
		     !moved || !graft_kept_at_is_same(&from, &step.at)))
			continue;
		err = graft_vec_reserve(&ret->list, &ret->cap, ret->count + 1,
					sizeof(*ret->list));
		if (!err)
			ret->list[ret->count++] = step;
	}
	return err;
}

/** Are all indexes that a function makes of a number cut, and is there one? */
static bool
cuts_indexes(const struct graft_case *c, const struct graft_ops *ops,
	     const struct graft_kept_at *at)
{
	bool any = false;

	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		struct graft_kept_at from;
		int64_t mask;
		bool moved;
		if (!op->has_mem || op->index >= GRAFT_REG_XMM0 ||
		    op->what == GRAFT_OP_LEA || op->what == GRAFT_OP_NOP ||
		    !find_load(c, ops, i, op->index, &from, &mask, &moved) ||
		    !graft_kept_at_is_same(&from, at))
			continue;
		if (!mask)
			return false;
		any = true;
	}
	return any;
}

/** Find a step of a number whose mask is another, if none has the same. */
static const struct step *
find_other(const struct steps *steps, const struct step *step)
{
	const struct step *other = NULL;

	for (size_t i = 0; i < steps->count; i++) {
		const struct step *at = &steps->list[i];
		if (!graft_kept_at_is_same(&at->at, &step->at))
			continue;
		if (at->mask == step->mask)
			return NULL;
		other = at;
	}
	return other;
}

struct graft_error *
graft_check_wraps(struct graft_case *c, const struct graft_twin *twin)
{
	GRAFT_CLEANUP(steps_deinit) struct steps o = { 0 };
	GRAFT_CLEANUP(steps_deinit) struct steps n = { 0 };
	const struct graft_ops *ops = &twin->new_ops;
	struct graft_error *err = collect(c, &twin->old_ops, &o);

	if (!err)
		err = collect(c, ops, &n);
	for (size_t i = 0; !err && i < n.count; i++) {
		const struct step *is = &n.list[i];
		const struct step *was = find_other(&o, is);
		if (!was || find_other(&n, was) != is ||
		    (!was->mask && cuts_indexes(c, ops, &is->at)))
			continue;
		struct graft_place_text where = graft_place_code(
			ops->code, ops->func, ops->ops[is->op].addr);
		return graft_case_refuse(
			c, GRAFT_RULE_MEANING, where.str,
			"%s: the number that is moved on here is cut to other bits before it is kept, and what OLD kept is not",
			graft_twin_print(twin, was->op, is->op).str);
	}
	return err;
}
