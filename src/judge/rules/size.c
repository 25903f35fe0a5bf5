// SPDX-License-Identifier: Apache-2.0

// a constant size that a changed function asks an allocator for. Where a
// type grew, whoever allocates one asks for more; those that were allocated
// before the change are too small for the code after it. A larger buffer looks
// the same and is refused too.

#include "judge/flow/allocator.h"
#include "judge/rules/checks.h"
#include "judge/rules/computed_size.h"

#include <stdio.h>
#include <string.h>

static bool
leaves_function(const struct graft_op *op)
{
	return (op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
	       !(op->flags & GRAFT_INSN_INTERNAL);
}

static bool
same_callee(const struct graft_case *c, const struct graft_callee *o,
	    const struct graft_callee *n)
{
	if (o->indirect || n->indirect)
		return o->indirect && n->indirect;
	if (o->import && n->import)
		return strcmp(o->import, n->import) == 0;
	return o->func != GRAFT_NONE && n->func != GRAFT_NONE &&
	       c->diff->new_match[n->func].other == o->func;
}

/** Say whether the first argument of a call is an address in the frame. */
static bool
first_argument_in_frame(const struct graft_ops *ops, uint32_t at)
{
	uint32_t writer = graft_op_writer(ops, at, GRAFT_REG_RDI);

	if (writer >= ops->count)
		return false;
	const struct graft_op *op = &ops->ops[writer];
	if (op->what == GRAFT_OP_LEA)
		return graft_op_in_frame(ops, op);
	return op->what == GRAFT_OP_MOV && op->src == GRAFT_REG_RSP;
}

/** What stands in the way of calling it a size when the callee is unknown. */
static bool
looks_like_size(int64_t value)
{
	return value >= 16 && value % 8 == 0 && value < 1 << 24;
}

/** Find what a constant argument was and is; false if it is none, or the same.
 */
static bool
argument_differs(const struct graft_twin *twin,
		 const struct graft_twin_pair *pair, int argument,
		 int64_t *was_ret, int64_t *is_ret)
{
	uint8_t reg = graft_argument_reg(argument);

	return graft_op_find_constant(&twin->old_ops, pair->o, reg, was_ret) &&
	       graft_op_find_constant(&twin->new_ops, pair->n, reg, is_ret) &&
	       *was_ret != *is_ret;
}

/**
 * Find the call of a function of the module whose result is in a register, with a
 * constant added or not: `malloc(note_bytes(48) + 8)`.
 *
 * @return Its index, or graft_ops::count.
 */
static uint32_t
call_that_gave(const struct graft_ops *ops, uint32_t at, uint8_t reg)
{
	for (uint32_t back = 1; back <= GRAFT_OP_BACK_MAX && back <= at;
	     back++) {
		const struct graft_op *op = &ops->ops[at - back];
		if (op->flags & GRAFT_INSN_CALL)
			return reg == GRAFT_REG_RAX &&
					       graft_op_callee(ops, op).func !=
						       GRAFT_NONE
				       ? at - back
				       : ops->count;
		if (op->ends)
			return ops->count;
		if (op->dst != reg && !(op->writes & 1U << reg))
			continue;
		if (op->what == GRAFT_OP_MOV && !op->has_mem && !op->has_imm &&
		    op->src < 16)
			reg = op->src;
		else if (op->what == GRAFT_OP_LEA && op->base < 16 &&
			 op->index == GRAFT_REG_NONE)
			reg = op->base;
		else if (op->what != GRAFT_OP_ADD || !op->has_imm)
			return ops->count;
	}
	return ops->count;
}

/** Compare what a function is handed that says how much to allocate. */
static struct graft_error *
check_asked(struct graft_case *c, const struct graft_twin *twin,
	    const struct graft_twin_pair *pair, int argument)
{
	uint8_t reg = graft_argument_reg(argument);
	struct graft_twin_pair asked = {
		.o = call_that_gave(&twin->old_ops, pair->o, reg),
		.n = call_that_gave(&twin->new_ops, pair->n, reg),
	};
	int64_t was;
	int64_t is;

	if (asked.o >= twin->old_ops.count || asked.n >= twin->new_ops.count)
		return NULL;
	const struct graft_op *o = &twin->old_ops.ops[asked.o];
	const struct graft_op *n = &twin->new_ops.ops[asked.n];
	struct graft_callee before = graft_op_callee(&twin->old_ops, o);
	struct graft_callee now = graft_op_callee(&twin->new_ops, n);
	for (int i = 0; i < GRAFT_SIZE_ARGUMENTS; i++) {
		if (!argument_differs(twin, &asked, i, &was, &is) ||
		    !same_callee(c, &before, &now))
			continue;
		char name[200];
		graft_code_name(twin->new_ops.code, now.func, name,
				sizeof(name));
		struct graft_place_text where = graft_place_code(
			twin->new_ops.code, twin->new_ops.func, n->addr);
		return graft_case_refuse(
			c, GRAFT_RULE_SIZE, where.str,
			"argument %d of the call of %s was 0x%llx and is 0x%llx, and as much is allocated as it returns: objects that exist already have the old size",
			i + 1, name, (unsigned long long)was,
			(unsigned long long)is);
	}
	return NULL;
}

static struct graft_error *
check_argument(struct graft_case *c, const struct graft_twin *twin,
	       const struct graft_twin_pair *pair, int argument, bool guess)
{
	int64_t was;
	int64_t is;

	if (!argument_differs(twin, pair, argument, &was, &is))
		return NULL;
	if (guess && !(looks_like_size(was) && looks_like_size(is)))
		return NULL;
	const struct graft_op *call = &twin->new_ops.ops[pair->n];
	struct graft_callee callee = graft_op_callee(&twin->new_ops, call);
	struct graft_place_text where = graft_place_code(
		twin->new_ops.code, twin->new_ops.func, call->addr);
	char name[200] = "a function that is called through a pointer";
	if (callee.import)
		snprintf(name, sizeof(name), "%s", callee.import);
	else if (callee.func != GRAFT_NONE)
		graft_code_name(twin->new_ops.code, callee.func, name,
				sizeof(name));
	return graft_case_refuse(
		c, GRAFT_RULE_SIZE, where.str,
		"argument %d of the call of %s was the size 0x%llx and is 0x%llx: objects that exist already have the old size",
		argument + 1, name, (unsigned long long)was,
		(unsigned long long)is);
}

/** Say whether an argument is another one, or was not there right before. */
static bool
may_differ(const struct graft_twin *twin, const struct graft_twin_pair *pair)
{
	for (int i = 0; i < GRAFT_SIZE_ARGUMENTS; i++) {
		uint8_t reg = graft_argument_reg(i);
		int64_t was;
		int64_t is;
		bool known = graft_op_find_constant(&twin->old_ops, pair->o,
						    reg, &was) &&
			     graft_op_find_constant(&twin->new_ops, pair->n,
						    reg, &is);
		if (!known || was != is)
			return true;
	}
	return false;
}

static struct graft_error *
check_call(struct graft_case *c, const struct graft_twin *twin,
	   const struct graft_twin_pair *pair)
{
	const struct graft_op *o = &twin->old_ops.ops[pair->o];
	const struct graft_op *n = &twin->new_ops.ops[pair->n];
	struct graft_callee was = graft_op_callee(&twin->old_ops, o);
	struct graft_callee is = graft_op_callee(&twin->new_ops, n);
	struct graft_sizing sizing;

	if (!same_callee(c, &was, &is) || !may_differ(twin, pair))
		return NULL;
	// What wraps an allocator is found by reading it, so this comes last.
	struct graft_error *err = graft_sizing_of_call(&twin->new_ops, n,
						       &sizing);
	if (err || !sizing.sizes)
		return err;
	// What a function fills in its own frame dies with the frame.
	if (sizing.fills && first_argument_in_frame(&twin->new_ops, pair->n) &&
	    first_argument_in_frame(&twin->old_ops, pair->o))
		return NULL;
	for (int i = 0; !err && i < GRAFT_SIZE_ARGUMENTS; i++) {
		if (!(sizing.sizes & (1 << i)))
			continue;
		err = check_argument(c, twin, pair, i, sizing.guess);
		if (!err && !sizing.guess)
			err = check_asked(c, twin, pair, i);
		if (!err && !sizing.guess && !sizing.fills)
			err = graft_check_computed_size(c, twin, pair, i);
	}
	return err;
}

struct graft_error *
graft_check_sizes(struct graft_case *c, const struct graft_twin *twin)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < twin->count; i++) {
		if (leaves_function(&twin->old_ops.ops[twin->pairs[i].o]) &&
		    leaves_function(&twin->new_ops.ops[twin->pairs[i].n]))
			err = check_call(c, twin, &twin->pairs[i]);
	}
	return err;
}
