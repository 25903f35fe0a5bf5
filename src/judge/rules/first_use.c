// SPDX-License-Identifier: Apache-2.0

// what code makes at its first use is what it began with. `if (!ready) {
// regcomp(&name, "..."); ready = 1; }` has made it as OLD in a process that runs, and
// NEW's way never runs there. So what is stored there, what those functions are told
// that make or fill something, and what is computed with must be as in OLD.

#include "judge/rules/checks.h"

#include "diff/change/line.h"
#include "judge/flow/calls.h"
#include "judge/flow/first_use.h"
#include "judge/rules/lasting.h"

#include <string.h>

/** One function, and which instructions of either side run once. */
struct once {
	struct graft_case *c;
	const struct graft_twin *twin;
	bool *old_marks;
	bool *new_marks;
	/** Tells lines from numbers; zero until it is first asked. */
	struct graft_line_prover prover;
	/** One reason a function is enough. */
	bool refused;
};

enum {
	/** Instructions behind a constant in which the function returns it. */
	RETURN_MAX = 8,
	/** Integer arguments of a call that are compared. */
	ARGUMENTS = 6,
};

static void
once_deinit(struct once *once)
{
	free(once->old_marks);
	free(once->new_marks);
	graft_line_prover_deinit(&once->prover);
}

GRAFT_MUST_CHECK static struct graft_error *
once_init(struct graft_case *c, const struct graft_twin *twin, struct once *ret)
{
	*ret = (struct once){ .c = c, .twin = twin };
	ret->old_marks = calloc((size_t)twin->old_ops.count + 1, sizeof(bool));
	ret->new_marks = calloc((size_t)twin->new_ops.count + 1, sizeof(bool));
	if (!ret->old_marks || !ret->new_marks)
		return graft_error_no_memory();
	struct graft_error *err = graft_first_use_mark(c, &twin->new_ops,
						       ret->new_marks);
	if (!err)
		err = graft_first_use_mark(c, &twin->old_ops, ret->old_marks);
	return err;
}

/** Is something made there that is more than a sign that it was done? */
static bool
makes_something(const struct graft_ops *ops, const bool *marks)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		bool sign = op->has_ref && op->has_imm && op->imm == 1;
		if (marks[i] && ((graft_lasting_is_store(ops, op) && !sign) ||
				 (graft_lasting_is_call(op) &&
				  graft_lasting_is_made(ops, i))))
			return true;
	}
	return false;
}

GRAFT_MUST_CHECK static struct graft_error *
refuse(struct once *once, uint32_t o, uint32_t n, const char *what)
{
	const struct graft_ops *ops = &once->twin->new_ops;
	bool is_new = n < ops->count;
	struct graft_place_text where =
		is_new ? graft_place_code(ops->code, ops->func,
					  ops->ops[n].addr)
		       : graft_place_code(once->twin->old_ops.code,
					  once->twin->old_ops.func,
					  once->twin->old_ops.ops[o].addr);

	once->refused = true;
	return graft_case_refuse(
		once->c, GRAFT_RULE_INITIAL, where.str,
		"%s at a first use, which a process that runs may have behind it, as OLD: %s",
		what, graft_twin_print(once->twin, o, n).str);
}

/** Does the function return from here on, with what its register for results holds? */
static bool
returns(const struct graft_ops *ops, uint32_t at)
{
	for (int steps = 0; at < ops->count && steps < 2 * RETURN_MAX;
	     steps++) {
		const struct graft_op *op = &ops->ops[at];
		if (op->flags & GRAFT_INSN_RET)
			return true;
		if ((op->reads & 1U << GRAFT_REG_RAX) ||
		    (op->flags & GRAFT_INSN_CALL) ||
		    (op->target && !op->ends) || (op->ends && !op->target))
			return false;
		at = op->target ? graft_op_at(ops, op->target) : at + 1;
	}
	return false;
}

/** Is a constant of no consequence for what is made: told to what only prints, or
 * returned? */
static bool
is_told_or_returned(const struct graft_ops *ops, const bool *marks, uint32_t at)
{
	const struct graft_op *op = &ops->ops[at];

	// Without optimisation a result is put into the frame first.
	if (graft_op_in_frame(ops, op) && op->mem_write &&
	    at + 1 < ops->count) {
		const struct graft_op *jump = &ops->ops[at + 1];
		uint32_t to = jump->ends && jump->target
				      ? graft_op_at(ops, jump->target)
				      : ops->count;
		return to < ops->count && !marks[to];
	}
	if (op->has_mem && op->what != GRAFT_OP_LEA)
		return false;
	uint32_t call = graft_lasting_call_of(ops, at);
	if (call < ops->count)
		return !graft_lasting_is_made(ops, call);
	return op->dst == GRAFT_REG_RAX && returns(ops, at + 1);
}

GRAFT_MUST_CHECK static struct graft_error *
is_line(struct once *once, uint32_t o, uint32_t n, bool *ret)
{
	const struct graft_op *a = &once->twin->old_ops.ops[o];
	const struct graft_op *b = &once->twin->new_ops.ops[n];
	struct graft_line_pair lines;
	struct graft_error *err = NULL;

	if (!once->prover.diff)
		err = graft_line_prover_init(once->c->diff, &once->prover);
	return err ? err
		   : graft_line_is_proven(&once->prover, a->func, a->insn,
					  b->func, b->insn, &lines, ret);
}

/** Are two places computed that are not as far from where a pointer points: where a
 * loop ends? */
static bool
ends_elsewhere(const struct graft_twin *twin, const struct graft_op *a,
	       const struct graft_op *b)
{
	return a->what == GRAFT_OP_LEA && b->what == GRAFT_OP_LEA &&
	       !a->has_ref && !b->has_ref && a->disp != b->disp &&
	       !graft_op_in_frame(&twin->old_ops, a) &&
	       !graft_op_in_frame(&twin->new_ops, b);
}

/** Compare two instructions that stand for each other. */
GRAFT_MUST_CHECK static struct graft_error *
compare(struct once *once, uint32_t o, uint32_t n)
{
	const struct graft_op *a = &once->twin->old_ops.ops[o];
	const struct graft_op *b = &once->twin->new_ops.ops[n];
	const struct graft_ops *ops = &once->twin->new_ops;
	bool differs = false;
	bool line = false;

	struct graft_error *err = graft_lasting_names_other(once->c, once->twin,
							    o, n, &differs);
	// What is stored as a constant is compared for R-24.
	bool counts = a->has_imm && b->has_imm && a->imm != b->imm &&
		      b->first != GRAFT_REG_RSP &&
		      !graft_lasting_is_store(ops, b);
	counts |= ends_elsewhere(once->twin, a, b);
	if (err || (!differs && !counts) ||
	    is_told_or_returned(ops, once->new_marks, n))
		return err;
	if (!differs)
		err = is_line(once, o, n, &line);
	if (err || line)
		return err;
	return refuse(once, o, n, "something else is computed or told");
}

/** Find what stands for an instruction that computes with a constant of another
 * width: the same but for the constant, on no other side. */
static uint32_t
find_wider(const struct once *once, uint32_t n)
{
	const struct graft_ops *ops = &once->twin->old_ops;
	const struct graft_op *b = &once->twin->new_ops.ops[n];

	for (uint32_t i = 0; b->has_imm && i < ops->count; i++) {
		const struct graft_op *a = &ops->ops[i];
		if (once->old_marks[i] && !once->twin->old_paired[i] &&
		    a->has_imm && a->mnemonic == b->mnemonic &&
		    a->has_mem == b->has_mem && a->has_ref == b->has_ref &&
		    a->mem_size == b->mem_size && a->base == b->base &&
		    a->disp == b->disp)
			return i;
	}
	return ops->count;
}

/** Compare what an alignment left alone. */
GRAFT_MUST_CHECK static struct graft_error *
compare_wider(struct once *once)
{
	const struct graft_twin *twin = once->twin;
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && !once->refused && i < twin->new_ops.count;
	     i++) {
		uint32_t o = once->new_marks[i] && !twin->new_paired[i]
				     ? find_wider(once, i)
				     : twin->old_ops.count;
		if (o < twin->old_ops.count)
			err = compare(once, o, i);
	}
	return err;
}

/** Compare what the calls are told that stand for each other, wherever they stand. */
GRAFT_MUST_CHECK static struct graft_error *
compare_calls(struct once *once)
{
	const struct graft_ops *was = &once->twin->old_ops;
	const struct graft_ops *is = &once->twin->new_ops;
	struct graft_error *err = NULL;

	for (uint32_t n = 0; !err && n < is->count; n++) {
		if (!once->new_marks[n] ||
		    !graft_lasting_is_call(&is->ops[n]) ||
		    !graft_lasting_is_made(is, n))
			continue;
		struct graft_lasting_callee callee =
			graft_lasting_callee_of(once->c, is, &is->ops[n]);
		uint32_t number = graft_lasting_count(
			once->c, is, once->new_marks, &callee, n);
		uint32_t o = graft_lasting_find(once->c, was, once->old_marks,
						&callee, number);
		for (int k = 0;
		     !err && !once->refused && o < was->count && k < ARGUMENTS;
		     k++) {
			uint32_t from = graft_lasting_origin(was, o, k);
			uint32_t to = graft_lasting_origin(is, n, k);
			if (from < was->count && to < is->count)
				err = compare(once, from, to);
		}
	}
	return err;
}

/** Find the place that a store names, in OLD's addresses. */
static bool
named_place(const struct graft_case *c, const struct graft_ops *ops,
	    const struct graft_op *op, uint64_t *ret)
{
	uint32_t ref = ops->code->insns[op->insn].ref;

	if (!op->has_ref || ref == GRAFT_NONE)
		return false;
	*ret = ops->code->refs[ref].target;
	return ops->code == c->diff->old_code ||
	       graft_case_old_place(c, ref, ret);
}

/** Does a function of a build store to a named place? */
static bool
func_stores(const struct graft_case *c, const struct graft_code *code,
	    uint32_t func, uint64_t place)
{
	for (uint32_t f = code->funcs[func].group; f != GRAFT_NONE;
	     f = code->funcs[f].group_next) {
		uint32_t first = code->funcs[f].first_ref;
		for (uint32_t i = 0; i < code->funcs[f].ref_count; i++) {
			uint64_t at = code->refs[first + i].target;
			if (!code->refs[first + i].writes)
				continue;
			if (code == c->diff->new_code &&
			    !graft_case_old_place(c, first + i, &at))
				continue;
			if (at == place)
				return true;
		}
	}
	return false;
}

/** Does one side store there, too, at its first use? */
static bool
stores_too(const struct once *once, const struct graft_ops *ops,
	   const bool *marks, const struct graft_op *like, bool named,
	   uint64_t place)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		uint32_t callee = graft_lasting_is_call(op)
					  ? graft_op_callee(ops, op).func
					  : GRAFT_NONE;
		uint64_t at = 0;
		if (!marks[i])
			continue;
		if (callee != GRAFT_NONE &&
		    (!named || func_stores(once->c, ops->code, callee, place)))
			return true;
		if (!op->mem_write || graft_op_in_frame(ops, op))
			continue;
		if (named && named_place(once->c, ops, op, &at) &&
		    place < at + op->mem_size && at < place + like->mem_size)
			return true;
		if (!named && (op->index != GRAFT_REG_NONE ||
			       (like->reach < op->reach + op->mem_size &&
				op->reach < like->reach + like->mem_size)))
			return true;
	}
	return false;
}

/** Is there a call at a first use of what only this build has, or of what cannot be
 * followed? What it does is not known to be other. */
static bool
calls_unknown(const struct once *once, const struct graft_ops *ops,
	      const bool *marks)
{
	const struct graft_func_match *match =
		ops->code == once->c->diff->new_code ? once->c->diff->new_match
						     : once->c->diff->old_match;

	for (uint32_t i = 0; i < ops->count; i++) {
		if (!marks[i] || !graft_lasting_is_call(&ops->ops[i]))
			continue;
		uint32_t func = graft_op_callee(ops, &ops->ops[i]).func;
		if (func != GRAFT_NONE && match[func].other == GRAFT_NONE)
			return true;
	}
	return false;
}

/** One side of a function, and the other one. */
struct half {
	const struct graft_ops *ops;
	const bool *marks;
	const struct graft_ops *other;
	const bool *other_marks;
};

/** Does one side do something that the other does not? */
static bool
is_extra(const struct once *once, const struct half *half, uint32_t at)
{
	const struct graft_ops *ops = half->ops;
	const struct graft_op *op = &ops->ops[at];
	uint64_t place = 0;

	if (graft_lasting_is_store(ops, op)) {
		bool named = named_place(once->c, ops, op, &place);
		if (!named && !graft_op_through_pointer(ops, op))
			return false;
		return !stores_too(once, half->other, half->other_marks, op,
				   named, place);
	}
	if (!graft_lasting_is_call(op) || !graft_lasting_is_made(ops, at))
		return false;
	struct graft_lasting_callee callee = graft_lasting_callee_of(once->c,
								     ops, op);
	if (!callee.import && callee.func == GRAFT_NONE)
		return false;
	return graft_lasting_count(once->c, ops, half->marks, &callee,
				   ops->count) >
	       graft_lasting_count(once->c, half->other, half->other_marks,
				   &callee, half->other->count);
}

/** Look for what only one side does. */
GRAFT_MUST_CHECK static struct graft_error *
compare_rest(struct once *once, bool new_side)
{
	const struct graft_twin *twin = once->twin;
	const bool *paired = new_side ? twin->new_paired : twin->old_paired;
	struct half half = {
		.ops = new_side ? &twin->new_ops : &twin->old_ops,
		.marks = new_side ? once->new_marks : once->old_marks,
		.other = new_side ? &twin->old_ops : &twin->new_ops,
		.other_marks = new_side ? once->old_marks : once->new_marks,
	};

	if (calls_unknown(once, half.other, half.other_marks))
		return NULL;
	for (uint32_t i = 0; i < half.ops->count; i++) {
		if (!half.marks[i] ||
		    (paired[i] && !graft_lasting_is_call(&half.ops->ops[i])) ||
		    !is_extra(once, &half, i))
			continue;
		return new_side ? refuse(once, twin->old_ops.count, i,
					 "more is made or set")
				: refuse(once, i, twin->new_ops.count,
					 "less is made or set");
	}
	return NULL;
}

static bool
any(const bool *marks, uint32_t count)
{
	return memchr(marks, true, count) != NULL;
}

struct graft_error *
graft_check_first_use(struct graft_case *c, const struct graft_twin *twin)
{
	GRAFT_CLEANUP(once_deinit) struct once once = { 0 };
	struct graft_error *err = once_init(c, twin, &once);

	if (err || !any(once.old_marks, twin->old_ops.count) ||
	    !any(once.new_marks, twin->new_ops.count) ||
	    (!makes_something(&twin->old_ops, once.old_marks) &&
	     !makes_something(&twin->new_ops, once.new_marks)))
		return err;
	for (size_t i = 0; !err && !once.refused && i < twin->count; i++) {
		const struct graft_twin_pair *pair = &twin->pairs[i];
		if (once.old_marks[pair->o] && once.new_marks[pair->n])
			err = compare(&once, pair->o, pair->n);
	}
	if (!err && !once.refused)
		err = compare_calls(&once);
	if (!err && !once.refused)
		err = compare_wider(&once);
	if (!err && !once.refused)
		err = compare_rest(&once, true);
	if (!err && !once.refused)
		err = compare_rest(&once, false);
	return err;
}
