// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/first_use.h"

#include "judge/flow/guard.h"
#include "judge/flow/region.h"

#include <string.h>

enum {
	/** Functions that only a function calls that only such code calls. */
	DEPTH_MAX = 4,
	/** Callers of a function that are looked at. */
	CALLERS_MAX = 16,
};

struct graft_first_uses {
	const struct graft_code *code;
	/** Each function that is the head of its parts: it was looked at. */
	bool *known;
	/** Each instruction of those: it runs once, as its function shows. */
	bool *once;
};

struct graft_error *
graft_first_uses_make(const struct graft_code *code,
		      struct graft_first_uses **ret)
{
	struct graft_first_uses *uses = calloc(1, sizeof(*uses));

	if (!uses)
		return graft_error_no_memory();
	uses->code = code;
	uses->known = calloc(code->func_count + 1, sizeof(bool));
	uses->once = calloc(code->insn_count + 1, sizeof(bool));
	if (!uses->known || !uses->once) {
		graft_first_uses_free(uses);
		return graft_error_no_memory();
	}
	*ret = uses;
	return NULL;
}

void
graft_first_uses_free(struct graft_first_uses *uses)
{
	if (!uses)
		return;
	free(uses->known);
	free(uses->once);
	free(uses);
}

/** Read a function of a build with all its parts as one. */
GRAFT_MUST_CHECK static struct graft_error *
read_whole(const struct graft_code *code, uint32_t func, struct graft_ops *ret)
{
	uint32_t head = code->funcs[func].group;
	struct graft_error *err = graft_ops_read(code, head, ret);

	for (uint32_t part = code->funcs[head].group_next;
	     !err && part != GRAFT_NONE; part = code->funcs[part].group_next)
		err = graft_ops_append(ret, part);
	if (!err)
		graft_ops_join(ret);
	return err;
}

/** Find an instruction by its index in the code. */
static uint32_t
find_insn(const struct graft_ops *ops, uint32_t insn)
{
	uint32_t i = 0;

	while (i < ops->count && ops->ops[i].insn != insn)
		i++;
	return i;
}

/** Does an instruction put something into a variable that is not 0 for certain? */
static bool
sets(const struct graft_ops *ops, uint32_t at)
{
	const struct graft_op *op = &ops->ops[at];
	int64_t value;

	if (op->what != GRAFT_OP_MOV || op->mem_read)
		return false;
	if (op->has_imm)
		return op->imm != 0;
	return graft_op_find_constant(ops, at, op->src, &value) && value != 0;
}

/** Does it put 0 there? */
static bool
clears(const struct graft_ops *ops, uint32_t at)
{
	const struct graft_op *op = &ops->ops[at];
	int64_t value;

	if (op->what == GRAFT_OP_MOV && op->has_imm)
		return op->imm == 0;
	return op->what == GRAFT_OP_MOV &&
	       graft_op_find_constant(ops, at, op->src, &value) && value == 0;
}

/** Mark what is behind all tests of one variable in a function. */
GRAFT_MUST_CHECK static struct graft_error *
mark_behind(const struct graft_ops *ops, uint64_t flag, bool *marks)
{
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < ops->count; i++) {
		struct graft_guard guard;
		if (graft_guard_read(ops, i, &guard) && guard.flag == flag)
			err = graft_region_mark(ops, guard.step, marks);
	}
	return err;
}

/** Does a reference name a variable, or a part of it? */
static bool
names(const struct graft_ref *ref, uint64_t flag)
{
	return ref->target == flag && (ref->kind == GRAFT_REF_MEMORY ||
				       ref->kind == GRAFT_REF_ADDRESS);
}

/**
 * Judge one store into a variable by another function than the one in question.
 *
 * @param[out] keeps_ret It is never 0 again by it.
 */
GRAFT_MUST_CHECK static struct graft_error *
judge_writer(const struct graft_code *code, uint64_t flag, uint32_t func,
	     uint32_t insn, bool *keeps_ret)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct graft_error *err = read_whole(code, func, &ops);

	*keeps_ret = false;
	if (err)
		return err;
	GRAFT_FREE bool *marks = calloc((size_t)ops.count + 1, sizeof(bool));
	if (!marks)
		return graft_error_no_memory();
	uint32_t at = find_insn(&ops, insn);
	if (at >= ops.count)
		return NULL;
	*keeps_ret = sets(&ops, at);
	if (*keeps_ret || clears(&ops, at))
		return NULL;
	err = mark_behind(&ops, flag, marks);
	*keeps_ret = !err && marks[at];
	return err;
}

/** Mark the instructions of a region that set its variable: stores, and calls of a
 * function that stores into it. */
static bool
mark_setters(const struct graft_ops *ops, const bool *region, uint64_t flag,
	     uint32_t writer, uint32_t insn, bool *setters)
{
	const struct graft_code *code = ops->code;
	bool any = false;

	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (!region[i])
			continue;
		uint32_t ref = code->insns[op->insn].ref;
		bool here = op->insn == insn && op->mem_write &&
			    ref != GRAFT_NONE && code->refs[ref].target == flag;
		uint32_t callee = graft_op_callee(ops, op).func;
		bool calls =
			(op->flags & GRAFT_INSN_CALL) && callee != GRAFT_NONE &&
			code->funcs[callee].group == code->funcs[writer].group;
		setters[i] |= here || calls;
		any |= here || calls;
	}
	return any;
}

/** Does an instruction do something beyond the function? */
static bool
does_something(const struct graft_ops *ops, uint32_t at)
{
	const struct graft_op *op = &ops->ops[at];
	bool leaves = (op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
		      !(op->flags & GRAFT_INSN_INTERNAL) && !op->target;

	return leaves ||
	       (op->mem_write && op->has_mem && !graft_op_in_frame(ops, op));
}

/**
 * Say whether no way behind a test leaves its variable as it is, but where
 * something failed: `if (!done) { work(); if (last) done = 1; } use();` is gone
 * through often. Where it failed, what comes behind is not done.
 */
GRAFT_MUST_CHECK static struct graft_error *
sets_always(const struct graft_ops *ops, const struct graft_guard *guard,
	    const bool *region, const bool *setters, bool *ret)
{
	size_t room = (size_t)ops->count + 1;
	GRAFT_FREE bool *reached = calloc(room, sizeof(*reached));
	GRAFT_FREE bool *behind = calloc(room, sizeof(*behind));

	if (!reached || !behind)
		return graft_error_no_memory();
	struct graft_error *err = graft_region_reach(ops, guard->step.to,
						     setters, reached);
	if (!err)
		err = graft_region_reach(ops, guard->other, region, behind);
	bool both = false;
	bool skips = false;
	for (uint32_t i = 0; i < ops->count; i++) {
		if (!behind[i] || !does_something(ops, i))
			continue;
		both |= reached[i];
		skips |= !reached[i];
	}
	*ret = !err && !reached[guard->other] && (skips || !both);
	return err;
}

/** Say whether a store behind a test may be the sign that it was done. What counts up
 * to a limit is none. */
static bool
is_sign(const struct graft_ops *ops, const struct graft_guard *guard,
	uint32_t at)
{
	return guard->with == 0 ? !clears(ops, at) : sets(ops, at);
}

/**
 * Say whether what is behind a test is gone through once in a process.
 *
 * @param[in] region The instructions there.
 * @param[in,out] setters All false before; those that set the variable.
 */
GRAFT_MUST_CHECK static struct graft_error *
is_once(const struct graft_ops *ops, const struct graft_guard *guard,
	const bool *region, bool *setters, bool *ret)
{
	const struct graft_code *code = ops->code;
	struct graft_error *err = NULL;
	bool any = false;

	*ret = false;
	for (size_t i = 0; !err && i < code->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[i];
		if (!names(ref, guard->flag))
			continue;
		if (ref->kind == GRAFT_REF_ADDRESS)
			return NULL;
		if (!ref->writes)
			continue;
		uint32_t func = graft_code_func_at(code, ref->at);
		if (func == GRAFT_NONE)
			return NULL;
		uint32_t at = find_insn(ops, ref->insn);
		bool keeps = at < ops->count &&
			     (region[at] ? is_sign(ops, guard, at)
					 : sets(ops, at));
		if (!keeps && at >= ops->count)
			err = judge_writer(code, guard->flag, func, ref->insn,
					   &keeps);
		if (err || !keeps)
			return err;
		any |= mark_setters(ops, region, guard->flag, func, ref->insn,
				    setters);
	}
	if (!any)
		return err;
	return err ? err : sets_always(ops, guard, region, setters, ret);
}

GRAFT_MUST_CHECK static struct graft_error *
mark_guarded(const struct graft_ops *ops, uint32_t at, bool *marks)
{
	struct graft_guard guard;

	if (!graft_guard_read(ops, at, &guard))
		return NULL;
	GRAFT_FREE bool *region = calloc((size_t)ops->count + 1, sizeof(bool));
	GRAFT_FREE bool *setters = calloc((size_t)ops->count + 1, sizeof(bool));
	if (!region || !setters)
		return graft_error_no_memory();
	bool once = false;
	struct graft_error *err = graft_region_mark(ops, guard.step, region);
	if (!err)
		err = is_once(ops, &guard, region, setters, &once);
	for (uint32_t i = 0; !err && once && i < ops->count; i++)
		marks[i] |= region[i];
	return err;
}

/** Is it a call of what answers whether something is used for the first time? */
static bool
asks_for_first(const char *import)
{
	return import && (strcmp(import, "__cxa_guard_acquire") == 0 ||
			  strcmp(import, "g_once_init_enter") == 0);
}

static bool
runs_once(const char *import)
{
	return import && (strcmp(import, "pthread_once") == 0 ||
			  strcmp(import, "__pthread_once") == 0 ||
			  strcmp(import, "call_once") == 0);
}

/** Mark what a function itself shows to run once. */
GRAFT_MUST_CHECK static struct graft_error *
mark_own(const struct graft_ops *ops, bool *marks)
{
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (op->what == GRAFT_OP_NOP)
			continue;
		if ((op->flags & GRAFT_INSN_CALL) &&
		    asks_for_first(graft_op_callee(ops, op).import))
			err = graft_region_mark(
				ops, (struct graft_step){ i, i + 1 }, marks);
		else if (op->flags & GRAFT_INSN_JUMP)
			err = mark_guarded(ops, i, marks);
	}
	return err;
}

/** Look at a function and all its parts, unless that was done. */
GRAFT_MUST_CHECK static struct graft_error *
look_at(struct graft_first_uses *uses, uint32_t func)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	uint32_t head = uses->code->funcs[func].group;

	if (uses->known[head])
		return NULL;
	struct graft_error *err = read_whole(uses->code, func, &ops);
	if (err)
		return err;
	GRAFT_FREE bool *marks = calloc((size_t)ops.count + 1, sizeof(bool));
	if (!marks)
		return graft_error_no_memory();
	err = mark_own(&ops, marks);
	for (uint32_t i = 0; !err && i < ops.count; i++)
		uses->once[ops.ops[i].insn] = marks[i];
	uses->known[head] = !err;
	return err;
}

/** Say whether an address that is taken goes to what calls it once. */
static bool
is_handed_to_once(const struct graft_ops *ops, uint32_t at)
{
	uint8_t reg = at < ops->count ? ops->ops[at].dst : GRAFT_REG_NONE;

	for (uint32_t i = at + 1; i < ops->count && i < at + 12; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (op->what == GRAFT_OP_MOV && !op->has_mem && op->src == reg)
			reg = op->dst;
		if (op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP))
			return reg == GRAFT_REG_RSI &&
			       runs_once(graft_op_callee(ops, op).import);
	}
	return false;
}

GRAFT_MUST_CHECK static struct graft_error *
func_is_once(const struct graft_case *c, struct graft_first_uses *uses,
	     uint32_t func, int depth, bool *ret);

/** Say whether one use of a function is at a first use. */
GRAFT_MUST_CHECK static struct graft_error *
edge_is_once(const struct graft_case *c, struct graft_first_uses *uses,
	     const struct graft_edge *edge, int depth, bool *ret)
{
	*ret = false;
	if (edge->taken) {
		GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
		struct graft_error *err = read_whole(uses->code, edge->caller,
						     &ops);
		*ret = !err &&
		       is_handed_to_once(&ops, find_insn(&ops, edge->insn));
		return err;
	}
	struct graft_error *err = look_at(uses, edge->caller);
	if (err)
		return err;
	*ret = uses->once[edge->insn];
	return *ret ? NULL
		    : func_is_once(c, uses, edge->caller, depth + 1, ret);
}

/** Say whether a function runs at first uses only. */
static struct graft_error *
func_is_once(const struct graft_case *c, struct graft_first_uses *uses,
	     uint32_t func, int depth, bool *ret)
{
	const struct graft_code *code = uses->code;
	const struct graft_graph *graph = code == c->diff->new_code
						  ? c->new_graph
						  : c->old_graph;
	uint32_t head = code->funcs[func].group;
	struct graft_error *err = NULL;
	bool once = true;

	*ret = false;
	if (graph->escapes[head] || depth >= DEPTH_MAX ||
	    graph->first[head + 1] == graph->first[head] ||
	    graph->first[head + 1] - graph->first[head] > CALLERS_MAX)
		return NULL;
	for (size_t i = graph->first[head];
	     !err && once && i < graph->first[head + 1]; i++) {
		if (code->funcs[graph->edges[i].caller].group == head)
			return NULL;
		err = edge_is_once(c, uses, &graph->edges[i], depth, &once);
	}
	*ret = !err && once;
	return err;
}

struct graft_error *
graft_first_use_mark(const struct graft_case *c, const struct graft_ops *ops,
		     bool *marks)
{
	const struct graft_code *code = ops->code;
	struct graft_first_uses *uses = code == c->diff->new_code
						? c->new_first_uses
						: c->old_first_uses;
	uint32_t head = code->funcs[ops->func].group;
	bool all;
	struct graft_error *err = func_is_once(c, uses, ops->func, 0, &all);

	if (!err)
		err = look_at(uses, ops->func);
	for (uint32_t i = 0; !err && i < ops->count; i++) {
		uint32_t func = graft_code_func_at(code, ops->ops[i].addr);
		bool own = func != GRAFT_NONE &&
			   code->funcs[func].group == head;
		marks[i] = all || (own && uses->once[ops->ops[i].insn]);
	}
	return err;
}
