// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/dropped.h"

#include "judge/flow/ways.h"

#include <string.h>

enum {
	/** Callees of one function that are asked for. */
	CALLEES = 4,
	/** Places that must drop a result for it to count as dropped. */
	PLACES_MIN = 2,
	/** How far behind a call is looked, in instructions and branches. */
	FAR = 32,
	BRANCHES = 6,
};

static const uint32_t rax = 1U << GRAFT_REG_RAX;

/** What becomes of what a call left in %rax. */
enum fate {
	FATE_DROPPED,
	/** It may still be there at a return, or farther than is looked. */
	FATE_OPEN,
	FATE_READ,
};

/** Who may have written %rax last, on any way. */
struct writers {
	/** Not a call whose callee is known. */
	bool other;
	/** Bits of leavings::callees. */
	uint8_t callees;
};

/** What a function may leave in %rax. */
struct leavings {
	struct graft_callee callees[CALLEES];
	uint32_t count;
	struct writers at_end;
};

static bool
same_callee(const struct graft_callee *a, const struct graft_callee *b)
{
	// A library calls its own functions by name or directly.
	if (a->func != GRAFT_NONE && a->func == b->func)
		return true;
	return a->import && b->import && strcmp(a->import, b->import) == 0;
}

static bool
merge(void *into, const void *from)
{
	struct writers *a = into;
	const struct writers *b = from;
	struct writers was = *a;

	a->other |= b->other;
	a->callees |= b->callees;
	return a->other != was.other || a->callees != was.callees;
}

/** Name who leaves a result behind a call. */
static struct writers
writer_of_call(struct leavings *leavings, const struct graft_ops *ops,
	       const struct graft_op *op)
{
	struct graft_callee callee = graft_op_callee(ops, op);
	uint32_t i = 0;

	if (!callee.import && callee.func == GRAFT_NONE)
		return (struct writers){ .other = true };
	while (i < leavings->count &&
	       !same_callee(&leavings->callees[i], &callee))
		i++;
	if (i == CALLEES)
		return (struct writers){ .other = true };
	if (i == leavings->count)
		leavings->callees[leavings->count++] = callee;
	return (struct writers){ .callees = (uint8_t)(1U << i) };
}

static void
step(void *context, const struct graft_ops *ops, uint32_t at, void *state)
{
	struct leavings *leavings = context;
	const struct graft_op *op = &ops->ops[at];
	bool leaves = (op->flags & GRAFT_INSN_JUMP) &&
		      !(op->flags & GRAFT_INSN_INTERNAL) && !op->target;

	if (op->flags & GRAFT_INSN_RET)
		(void)merge(&leavings->at_end, state);
	else if (op->flags & GRAFT_INSN_CALL)
		*(struct writers *)state = writer_of_call(leavings, ops, op);
	else if (op->what != GRAFT_OP_NOP && (op->writes & rax))
		*(struct writers *)state = (struct writers){ .other = true };
	// What it goes on in returns for it.
	if (leaves) {
		struct writers last = writer_of_call(leavings, ops, op);
		(void)merge(&leavings->at_end, &last);
	}
}

/** Find out what becomes of %rax from an instruction on. */
static enum fate
follow(const struct graft_ops *ops, uint32_t at, int branches)
{
	for (uint32_t n = 0; n < FAR && at < ops->count; n++, at++) {
		const struct graft_op *op = &ops->ops[at];
		bool zero = op->what == GRAFT_OP_ZERO && (op->writes & rax);
		if (op->what == GRAFT_OP_NOP)
			continue;
		if (!zero && (op->reads & rax))
			return FATE_READ;
		if ((op->writes & rax) || (op->flags & GRAFT_INSN_CALL))
			return FATE_DROPPED;
		if (op->first == GRAFT_REG_RAX || (op->flags & GRAFT_INSN_RET))
			return FATE_OPEN;
		if (!(op->flags & GRAFT_INSN_JUMP))
			continue;
		if (!op->target || branches == 0)
			return FATE_OPEN;
		enum fate taken = follow(ops, graft_op_at(ops, op->target),
					 branches - 1);
		if (op->ends || taken == FATE_READ)
			return taken;
		enum fate next = follow(ops, at + 1, branches - 1);
		return next > taken ? next : taken;
	}
	return FATE_OPEN;
}

/** How often the result of a callee is surely dropped, and read. */
struct uses {
	uint32_t dropped;
	uint32_t read;
};

static bool
calls(const struct graft_code *code, uint32_t func,
      const struct graft_callee *callee)
{
	const struct graft_func *f = &code->funcs[func];

	for (uint32_t i = 0; i < f->insn_count; i++) {
		const struct graft_insn *insn = &code->insns[f->first_insn + i];
		if (!(insn->flags & GRAFT_INSN_CALL))
			continue;
		struct graft_callee at = graft_callee_of(code, insn);
		if (same_callee(&at, callee))
			return true;
	}
	return false;
}

/** Count what becomes of the results of a callee in one function. */
static struct graft_error *
count_in(const struct graft_code *code, uint32_t func,
	 const struct graft_callee *callee, struct uses *uses)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct graft_error *err = graft_ops_read(code, func, &ops);

	for (uint32_t i = 0; !err && i < ops.count; i++) {
		if (!(ops.ops[i].flags & GRAFT_INSN_CALL))
			continue;
		struct graft_callee at = graft_op_callee(&ops, &ops.ops[i]);
		if (!same_callee(&at, callee))
			continue;
		enum fate fate = follow(&ops, i + 1, BRANCHES);
		uses->dropped += fate == FATE_DROPPED;
		uses->read += fate == FATE_READ;
	}
	return err;
}

/** Count what becomes of the results of a callee in a build. */
static struct graft_error *
count_uses(const struct graft_code *code, const struct graft_callee *callee,
	   struct uses *uses)
{
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < code->func_count; i++) {
		if (calls(code, i, callee))
			err = count_in(code, i, callee, uses);
	}
	return err;
}

/** Say whether everybody drops what a callee of OLD returns. */
static struct graft_error *
is_dropped(const struct graft_diff *diff, struct graft_callee callee, bool *ret)
{
	struct uses was = { 0 };
	struct uses is = { 0 };
	struct graft_error *err = count_uses(diff->old_code, &callee, &was);

	if (!err && callee.func != GRAFT_NONE)
		callee.func = diff->old_match[callee.func].other;
	if (!err && (callee.import || callee.func != GRAFT_NONE))
		err = count_uses(diff->new_code, &callee, &is);
	*ret = was.dropped >= PLACES_MIN && was.read == 0 && is.read == 0;
	return err;
}

struct graft_error *
graft_dropped_leaves_only(const struct graft_diff *diff,
			  const struct graft_ops *old_ops, bool *ret)
{
	const struct writers entry = { .other = false };
	const struct graft_callee self = { .func = old_ops->func };
	struct leavings leavings = { .count = 0 };
	struct uses own = { 0 };
	struct graft_error *err = graft_ways_follow(
		old_ops, sizeof(entry), &entry, step, merge, &leavings);

	*ret = false;
	if (!err && !leavings.at_end.other)
		err = count_uses(diff->old_code, &self, &own);
	if (err || leavings.at_end.other || own.read)
		return err;
	*ret = true;
	for (uint32_t i = 0; !err && *ret && i < leavings.count; i++) {
		if (leavings.at_end.callees & (1U << i))
			err = is_dropped(diff, leavings.callees[i], ret);
	}
	return err;
}
