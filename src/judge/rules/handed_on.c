// SPDX-License-Identifier: Apache-2.0

// R-24 where another function stores the constant: a changed function hands it
// to one that stores its argument, or returns it to one that stores the result.
// R-03 where the one that it is returned to hands it to an allocator as a size.

#include "judge/rules/handed_on.h"
#include "judge/flow/result_use.h"
#include "judge/rules/checks.h"

#include "base/cleanup.h"
#include "diff/code/line_imports.h"

#include <stdlib.h>

enum {
	ARGUMENTS = 6,
	/** Words of the frame that are told apart. */
	SLOTS = 64,
	/** Longest function that is looked through, in instructions. */
	LENGTH_MAX = 128,
};

static const uint8_t argument_regs[ARGUMENTS] = {
	GRAFT_REG_RDI, GRAFT_REG_RSI, GRAFT_REG_RDX,
	GRAFT_REG_RCX, GRAFT_REG_R8,  GRAFT_REG_R9,
};

/** Get the arguments that the interface of a function says are lines: a set. */
static uint32_t
line_arguments(const struct graft_code *code, uint32_t func)
{
	const struct graft_symbol *symbol = code->funcs[func].symbol;
	// A name that only this module knows says nothing of an interface.
	int line = symbol && symbol->dynamic
			   ? graft_line_import_argument(symbol->name)
			   : -1;

	return line < 0 ? 0 : 1U << line;
}

struct graft_error *
graft_stored_arguments(const struct graft_code *code, uint32_t func,
		       uint32_t *ret)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	// Which arguments each register, each word of the frame is: a set.
	uint32_t holds[16] = { 0 };
	uint32_t slots[SLOTS] = { 0 };

	*ret = 0;
	if (code->funcs[func].insn_count > LENGTH_MAX)
		return NULL;
	struct graft_error *err = graft_ops_read(code, func, &ops);
	if (err)
		return err;
	for (uint32_t i = 0; i < ARGUMENTS; i++)
		holds[argument_regs[i]] = 1U << i;
	for (uint32_t i = 0; i < ops.count; i++) {
		const struct graft_op *op = &ops.ops[i];
		bool frame = graft_op_in_frame(&ops, op);
		uint32_t *slot = &slots[(uint64_t)op->disp / 4 % SLOTS];
		uint32_t from = 0;
		if (op->what == GRAFT_OP_MOV && frame && op->mem_read)
			from = *slot;
		else if (op->what == GRAFT_OP_MOV && op->src < 16)
			from = holds[op->src];
		if (graft_op_stores_out(&ops, op))
			*ret |= from;
		if (op->what == GRAFT_OP_MOV && frame && op->mem_write)
			*slot = from;
		for (uint8_t r = 0; r < 16; r++) {
			bool lost = (op->flags & GRAFT_INSN_CALL) &&
				    graft_reg_is_volatile(r);
			if (lost || (op->writes & (1U << r)))
				holds[r] = r == op->dst ? from : 0;
		}
	}
	*ret &= ~line_arguments(code, func);
	return NULL;
}

/** Check what is handed to a function of the module that stores it. */
static struct graft_error *
check_call(struct graft_case *c, const struct graft_twin *twin,
	   const struct graft_twin_pair *pair)
{
	const struct graft_op *o = &twin->old_ops.ops[pair->o];
	const struct graft_op *n = &twin->new_ops.ops[pair->n];
	uint32_t was_func = graft_op_callee(&twin->old_ops, o).func;
	uint32_t is_func = graft_op_callee(&twin->new_ops, n).func;
	struct graft_error *err = NULL;
	uint32_t stored;

	if (was_func == GRAFT_NONE || is_func == GRAFT_NONE ||
	    c->diff->new_match[is_func].other != was_func)
		return NULL;
	for (uint32_t i = 0; !err && i < ARGUMENTS; i++) {
		uint8_t reg = argument_regs[i];
		int64_t was;
		int64_t is;
		if (!graft_op_find_constant(&twin->old_ops, pair->o, reg,
					    &was) ||
		    !graft_op_find_constant(&twin->new_ops, pair->n, reg,
					    &is) ||
		    was == is)
			continue;
		err = graft_stored_arguments(twin->new_ops.code, is_func,
					     &stored);
		if (err || !(stored & (1U << i)))
			continue;
		struct graft_place_text where = graft_place_code(
			twin->new_ops.code, twin->new_ops.func, n->addr);
		err = graft_case_refuse(
			c, GRAFT_RULE_MEANING, where.str,
			"argument %u was %lld and is %lld, and the function that is called stores it where it outlives the call; whether it means something else cannot be seen",
			i + 1, (long long)was, (long long)is);
	}
	return err;
}

/** Say whether a constant in %rax is what the function returns: nothing but
 * jumps and the end of the frame stand between. */
static bool
is_returned(const struct graft_ops *ops, uint32_t at)
{
	for (uint32_t i = at + 1, n = 0; i < ops->count && n < LENGTH_MAX;
	     n++) {
		const struct graft_op *op = &ops->ops[i];
		if (op->flags & GRAFT_INSN_RET)
			return true;
		if ((op->flags & GRAFT_INSN_CALL) ||
		    (op->writes & (1U << GRAFT_REG_RAX)))
			return false;
		if (!(op->flags & GRAFT_INSN_JUMP)) {
			i++;
		} else if (op->ends && op->target) {
			i = graft_op_at(ops, op->target);
		} else {
			return false;
		}
	}
	return false;
}

static struct graft_error *
check_result(struct graft_case *c, const struct graft_twin *twin,
	     const struct graft_twin_pair *pair)
{
	const struct graft_op *o = &twin->old_ops.ops[pair->o];
	const struct graft_op *n = &twin->new_ops.ops[pair->n];
	int64_t was;
	int64_t is;
	struct graft_result_use use;

	if (!graft_op_loads_constant(o, GRAFT_REG_RAX, &was) ||
	    !graft_op_loads_constant(n, GRAFT_REG_RAX, &is) || was == is ||
	    !is_returned(&twin->old_ops, pair->o) ||
	    !is_returned(&twin->new_ops, pair->n))
		return NULL;
	struct graft_error *err = graft_use_of_result(
		c->new_graph, twin->new_ops.func, was > 0 && is > 0, &use);
	if (err || use.caller == GRAFT_NONE)
		return err;
	struct graft_place_text where = graft_place_code(
		twin->new_ops.code, twin->new_ops.func, n->addr);
	struct graft_place_text who =
		graft_place_code(twin->new_ops.code, use.caller,
				 twin->new_ops.code->funcs[use.caller].addr);
	if (use.size)
		return graft_case_refuse(
			c, GRAFT_RULE_SIZE, where.str,
			"returned %lld and returns %lld, and %s allocates by it: objects that exist already have the old size",
			(long long)was, (long long)is, who.str);
	return graft_case_refuse(
		c, GRAFT_RULE_MEANING, where.str,
		"returned %lld and returns %lld, and %s stores it where it outlives the call; whether it means something else cannot be seen",
		(long long)was, (long long)is, who.str);
}

struct graft_error *
graft_check_handed_on(struct graft_case *c, const struct graft_twin *twin)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < twin->count; i++) {
		const struct graft_op *n = &twin->new_ops.ops[twin->pairs[i].n];
		bool leaves = (n->flags &
			       (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
			      !(n->flags & GRAFT_INSN_INTERNAL);
		err = leaves ? check_call(c, twin, &twin->pairs[i])
			     : check_result(c, twin, &twin->pairs[i]);
	}
	return err;
}
