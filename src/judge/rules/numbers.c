// SPDX-License-Identifier: Apache-2.0

// a value that OLD kept as a number and NEW takes for an address, or the
// other way round: what a callback is handed, a `void *` of a structure or a
// variable. Types do not tell: both are `void *`. What OLD stored or registered
// stays as it was.

#include "judge/flow/allocator.h"
#include "judge/flow/origins.h"
#include "judge/rules/checks.h"

enum {
	/** Integer arguments that are looked at. */
	ARGUMENTS = 6,
	/** Copies of registers through which one is followed. */
	COPIES_MAX = 3,
};

/** Say whether somebody calls a function of whom the builds show nothing: what
 * it is handed may have been stored long ago. */
static bool
is_callback(const struct graft_case *c, const struct graft_twin *twin)
{
	uint32_t o = twin->old_ops.func;
	uint32_t n = twin->new_ops.func;

	return c->old_graph->escapes[o] || c->old_graph->taken[o] ||
	       c->new_graph->escapes[n] || c->new_graph->taken[n];
}

static struct graft_error *
refuse(struct graft_case *c, const struct graft_twin *twin,
       const struct graft_origin *was, const struct graft_origin *is)
{
	bool now_address = is->uses & GRAFT_ORIGIN_ADDRESS;
	uint32_t o = now_address ? was->number_at : was->address_at;
	uint32_t n = now_address ? is->address_at : is->number_at;
	struct graft_place_text where =
		graft_place_code(twin->new_ops.code, twin->new_ops.func,
				 twin->new_ops.ops[n].addr);
	struct graft_twin_text text = graft_twin_print(twin, o, n);

	return graft_case_refuse(
		c, GRAFT_RULE_MEANING, where.str,
		"%s: the same value was taken for %s and is taken for %s, and what OLD stored or handed on stays",
		text.str, now_address ? "a number" : "an address",
		now_address ? "an address" : "a number");
}

/** Find what makes an argument of a call, behind copies of it. */
static uint32_t
argument_made(const struct graft_ops *ops, uint32_t call, uint8_t reg)
{
	uint32_t at = graft_op_writer(ops, call, reg);

	for (int copies = 0; at < ops->count && copies < COPIES_MAX; copies++) {
		const struct graft_op *op = &ops->ops[at];
		if (op->what != GRAFT_OP_MOV || op->has_mem || op->has_imm ||
		    op->src >= 16 || op->dst_size != 8)
			break;
		at = graft_op_writer(ops, at, op->src);
	}
	return at;
}

/** What an argument is. */
struct argument {
	enum {
		ARGUMENT_UNKNOWN,
		ARGUMENT_CONSTANT,
		ARGUMENT_ADDRESS,
		ARGUMENT_FUNCTION,
	} kind;
	uint32_t func;
	/** Index of the instruction that makes it. */
	uint32_t at;
};

static struct argument
read_argument(const struct graft_ops *ops, uint32_t call, int argument)
{
	uint8_t reg = graft_argument_reg(argument);
	struct argument ret = { .at = argument_made(ops, call, reg) };
	int64_t value;

	if (ret.at >= ops->count)
		return ret;
	const struct graft_op *op = &ops->ops[ret.at];
	if (graft_op_loads_constant(op, op->dst, &value)) {
		ret.kind = ARGUMENT_CONSTANT;
	} else if (op->what == GRAFT_OP_LEA &&
		   (op->has_ref || graft_op_in_frame(ops, op))) {
		struct graft_callee callee = graft_op_callee(ops, op);
		ret.kind = op->has_ref && callee.func != GRAFT_NONE
				   ? ARGUMENT_FUNCTION
				   : ARGUMENT_ADDRESS;
		ret.func = callee.func;
	}
	return ret;
}

/** Say whether a call hands on a function that is replaced, the same in both. */
static bool
registers_carried(const struct graft_case *c, const struct argument *o,
		  const struct argument *n)
{
	for (int i = 0; i < ARGUMENTS; i++) {
		if (o[i].kind == ARGUMENT_FUNCTION &&
		    n[i].kind == ARGUMENT_FUNCTION &&
		    c->diff->new_match[n[i].func].other == o[i].func &&
		    c->diff->new_match[n[i].func].carried)
			return true;
	}
	return false;
}

/** Refuse where a function is registered with a constant in one build, and with
 * an address in the other: what is registered already is called with OLD's. */
static struct graft_error *
check_registration(struct graft_case *c, const struct graft_twin *twin,
		   const struct graft_twin_pair *pair)
{
	struct argument o[ARGUMENTS];
	struct argument n[ARGUMENTS];

	for (int i = 0; i < ARGUMENTS; i++) {
		o[i] = read_argument(&twin->old_ops, pair->o, i);
		n[i] = read_argument(&twin->new_ops, pair->n, i);
	}
	if (!registers_carried(c, o, n))
		return NULL;
	for (int i = 0; i < ARGUMENTS; i++) {
		bool now = o[i].kind == ARGUMENT_CONSTANT &&
			   n[i].kind == ARGUMENT_ADDRESS;
		bool before = o[i].kind == ARGUMENT_ADDRESS &&
			      n[i].kind == ARGUMENT_CONSTANT;
		if (!now && !before)
			continue;
		struct graft_place_text where =
			graft_place_code(twin->new_ops.code, twin->new_ops.func,
					 twin->new_ops.ops[pair->n].addr);
		struct graft_twin_text text = graft_twin_print(twin, o[i].at,
							       n[i].at);
		return graft_case_refuse(
			c, GRAFT_RULE_MEANING, where.str,
			"%s: a carried function is registered with %s, and what OLD registered stays",
			text.str,
			now ? "an address where it was a constant"
			    : "a constant where it was an address");
	}
	return NULL;
}

static bool
is_call(const struct graft_op *op)
{
	return (op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
	       !(op->flags & GRAFT_INSN_INTERNAL);
}

/** Compare what functions are registered with. */
static struct graft_error *
check_registrations(struct graft_case *c, const struct graft_twin *twin)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < twin->count; i++) {
		if (is_call(&twin->old_ops.ops[twin->pairs[i].o]) &&
		    is_call(&twin->new_ops.ops[twin->pairs[i].n]))
			err = check_registration(c, twin, &twin->pairs[i]);
	}
	return err;
}

struct graft_error *
graft_check_numbers(struct graft_case *c, const struct graft_twin *twin)
{
	GRAFT_CLEANUP(graft_origins_deinit) struct graft_origins o = { 0 };
	GRAFT_CLEANUP(graft_origins_deinit) struct graft_origins n = { 0 };
	bool parameters = is_callback(c, twin);
	struct graft_error *err = graft_origins_read(c, &twin->old_ops,
						     parameters, &o);

	if (!err)
		err = graft_origins_read(c, &twin->new_ops, parameters, &n);
	for (size_t i = 0; !err && i < n.count; i++) {
		const struct graft_origin *is = &n.list[i];
		const struct graft_origin *was = graft_origins_find(&o,
								    is->key);
		if (!was || !was->uses || (was->uses & is->uses))
			continue;
		return refuse(c, twin, was, is);
	}
	return err ? err : check_registrations(c, twin);
}
