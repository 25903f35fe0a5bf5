// SPDX-License-Identifier: Apache-2.0

// R-02 for objects that code names: what was read and written as an integer, and
// is as floating point now, holds a number of the other kind. (Members behind
// pointers: accesses.h.)

#include "judge/rules/checks.h"

/** How a function uses one place: a bit each. */
enum {
	AS_INTEGER = 1,
	AS_FLOAT = 2,
};

/** Where an instruction reads or writes an object that it names, in OLD's
 * addresses; false if it does not. */
static bool
named_place(const struct graft_case *c, const struct graft_ops *ops,
	    const struct graft_op *op, uint64_t *ret)
{
	uint32_t ref = ops->code->insns[op->insn].ref;

	// A number that is written as it is has any type.
	if (!op->has_ref || ref == GRAFT_NONE || op->has_imm ||
	    (!op->mem_read && !op->mem_write) || op->flags)
		return false;
	const struct graft_section *section = graft_image_section_at(
		ops->code->image, ops->code->refs[ref].target);
	if (!section || !graft_section_is_writable(section))
		return false;
	*ret = ops->code->refs[ref].target;
	return ops->code == c->diff->old_code ||
	       graft_case_old_place(c, ref, ret);
}

static int
use_of(const struct graft_op *op)
{
	return op->mem_float ? AS_FLOAT : AS_INTEGER;
}

/** Collect how a function uses a place, and find one instruction that does. */
static int
uses_of(const struct graft_case *c, const struct graft_ops *ops, uint64_t place,
	uint16_t size, uint32_t *at_ret)
{
	int uses = 0;
	uint64_t other;

	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (op->mem_size != size || !named_place(c, ops, op, &other) ||
		    other != place)
			continue;
		uses |= use_of(op);
		*at_ret = i;
	}
	return uses;
}

struct graft_error *
graft_check_retyped(struct graft_case *c, const struct graft_twin *twin)
{
	const struct graft_ops *ops = &twin->new_ops;

	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		uint32_t o = twin->old_ops.count;
		uint32_t n = i;
		uint64_t at;
		if (!named_place(c, ops, op, &at))
			continue;
		int was = uses_of(c, &twin->old_ops, at, op->mem_size, &o);
		int is = uses_of(c, ops, at, op->mem_size, &n);
		if (!was || (was & is))
			continue;
		struct graft_place_text where =
			graft_place_code(ops->code, ops->func, op->addr);
		struct graft_twin_text text = graft_twin_print(twin, o, i);
		return graft_case_refuse(
			c, GRAFT_RULE_LAYOUT, where.str,
			"%s: what is named was %s and is %s: its type changed",
			text.str,
			is == AS_FLOAT ? "an integer" : "floating point",
			is == AS_FLOAT ? "floating point" : "an integer");
	}
	return NULL;
}
