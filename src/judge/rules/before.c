// SPDX-License-Identifier: Apache-2.0

// what a program's own allocator keeps in front of an object. No type says
// anything of it, and objects that OLD made have what OLD put there. It shows where
//
// - code reaches in front of what a pointer points to, at a distance that OLD has
//   not, and no longer at one that OLD has;
// - what was allocated is handed out from another byte on: something new stands
//   in front of it, or something is gone.

#include "judge/flow/allocator.h"
#include "judge/flow/frame.h"
#include "judge/flow/values.h"
#include "judge/rules/checks.h"

#include <stdlib.h>
#include <string.h>

enum {
	/** Distances of one function that are kept. */
	OFFS_MAX = 16,
};

/** From which bytes on allocated memory is handed out. */
struct offs {
	int64_t list[OFFS_MAX];
	uint32_t count;
	/** Address of an instruction that does it. */
	uint64_t addr;
};

/** What one function returns and what it stores of what it allocated. */
struct handed {
	const struct graft_case *c;
	/** Each instruction: it calls an allocator. */
	bool *makes;
	struct offs returned;
	struct offs stored;
	/** What calls of allocators return, and how far behind the start of what
	 * was allocated that is. */
	struct graft_value roots[OFFS_MAX];
	uint32_t root_count;
};

static void
add_off(struct offs *offs, int64_t off, uint64_t addr)
{
	for (uint32_t i = 0; i < offs->count; i++) {
		if (offs->list[i] == off)
			return;
	}
	if (offs->count == OFFS_MAX)
		return;
	offs->list[offs->count++] = off;
	offs->addr = addr;
}

/** Find how far behind the start of what was allocated a value points. */
static bool
find_off(const struct handed *handed, struct graft_value value, int64_t *ret)
{
	for (uint32_t i = 0; i < handed->root_count; i++) {
		if (handed->roots[i].root == value.root) {
			*ret = value.off + handed->roots[i].off;
			return true;
		}
	}
	return false;
}

/** Say whether nothing but the end of a function is left.
 *
 * @param[out] reg_ret Register that holds what is returned. */
static bool
is_end(const struct graft_ops *ops, uint32_t at, uint8_t *reg_ret)
{
	*reg_ret = GRAFT_REG_RAX;
	for (; at < ops->count; at++) {
		const struct graft_op *op = &ops->ops[at];
		if (op->flags & GRAFT_INSN_RET)
			return true;
		if (op->what == GRAFT_OP_MOV && !op->has_mem && op->src < 16 &&
		    op->dst == *reg_ret)
			*reg_ret = op->src;
		else if (op->what != GRAFT_OP_POP && !op->is_leave &&
			 op->dst != GRAFT_REG_RSP && op->what != GRAFT_OP_NOP)
			return false;
	}
	return false;
}

/** Say whether the function ends behind an instruction, one way or the other. */
static bool
leads_to_end(const struct graft_ops *ops, uint32_t at, uint8_t *reg_ret)
{
	const struct graft_op *op = &ops->ops[at];

	*reg_ret = GRAFT_REG_RAX;
	if (op->flags & GRAFT_INSN_RET)
		return true;
	if (op->target && is_end(ops, graft_op_at(ops, op->target), reg_ret))
		return true;
	return !op->ends && is_end(ops, at + 1, reg_ret);
}

/** Say whether a jump depends on whether something is NULL: it may be where that
 * leads. */
static bool
asks_for_null(const struct graft_ops *ops, uint32_t at)
{
	return (ops->ops[at].flags & GRAFT_INSN_JUMP) && at > 0 &&
	       ops->ops[at - 1].what == GRAFT_OP_TEST;
}

/** Get what a register holds behind an instruction. */
static struct graft_value
result_behind(const struct handed *handed,
	      const struct graft_values_reader *reader,
	      const struct graft_ops *ops, uint32_t at,
	      const struct graft_values *values, uint8_t reg)
{
	const struct graft_op *op = &ops->ops[at];

	// One of two: NULL is not moved.
	if (op->what == GRAFT_OP_CMOV && op->dst == reg) {
		struct graft_value a = graft_value_of_reg(values, op->dst);
		struct graft_value b = graft_value_of_reg(values, op->src);
		int64_t off;
		return find_off(handed, a, &off) && off != 0 ? a : b;
	}
	if (op->dst == reg ||
	    ((op->flags & GRAFT_INSN_CALL) && reg == GRAFT_REG_RAX))
		return graft_value_of_result(reader, ops, values, at);
	return graft_value_of_reg(values, reg);
}

/** Say whether an import returns its first argument. */
static bool
returns_first(const char *import)
{
	static const char *const names[] = { "memset",       "memcpy",
					     "memmove",      "strcpy",
					     "__memset_chk", "__memcpy_chk",
					     "__strcpy_chk" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i], import) == 0)
			return true;
	}
	return false;
}

/** Say whether an instruction calls, or goes on in, another function. */
static bool
leaves_to_another(const struct graft_op *op)
{
	return (op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
	       !(op->flags & GRAFT_INSN_INTERNAL);
}

/**
 * Find the calls of allocators, once: each instruction is seen several times,
 * and what wraps an allocator is found by reading it.
 *
 * @param[out] any_ret Whether there is one.
 */
static struct graft_error *
find_makers(struct handed *handed, const struct graft_ops *ops, bool *any_ret)
{
	*any_ret = false;
	handed->makes = calloc(ops->count + 1, sizeof(*handed->makes));
	if (!handed->makes)
		return graft_error_no_memory();
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		struct graft_sizing sizing;
		if (!leaves_to_another(op) || !graft_op_callee(ops, op).import)
			continue;
		struct graft_error *err = graft_sizing_of_call(ops, op,
							       &sizing);
		if (err)
			return err;
		handed->makes[i] = sizing.sizes && !sizing.fills &&
				   !sizing.guess;
		*any_ret |= handed->makes[i];
	}
	return NULL;
}

/** Remember what a call returns, if it allocates or returns what it was given. */
static void
see_call(struct handed *handed, const struct graft_ops *ops, uint32_t at,
	 const struct graft_values *values, struct graft_value result)
{
	const struct graft_op *op = &ops->ops[at];
	const char *import = graft_op_callee(ops, op).import;
	bool leaves = !(op->flags & GRAFT_INSN_CALL);
	int64_t off = 0;

	if (!import || handed->root_count == OFFS_MAX)
		return;
	struct graft_value first = graft_value_of_reg(values, GRAFT_REG_RDI);
	bool same = returns_first(import) && find_off(handed, first, &off);
	if (!same && !handed->makes[at])
		return;
	if (leaves)
		add_off(&handed->returned, off, op->addr);
	else if (!find_off(handed, result, &off))
		handed->roots[handed->root_count++] =
			(struct graft_value){ result.root, off - result.off };
}

static void
see(void *context, const struct graft_ops *ops, uint32_t at,
    const struct graft_values *values)
{
	struct handed *handed = context;
	const struct graft_op *op = &ops->ops[at];
	const struct graft_values_reader reader = { .c = handed->c };

	int64_t off;
	uint8_t reg;

	if (leaves_to_another(op))
		see_call(handed, ops, at, values,
			 graft_value_of_result(&reader, ops, values, at));
	if (leads_to_end(ops, at, &reg) && !asks_for_null(ops, at) &&
	    find_off(handed,
		     result_behind(handed, &reader, ops, at, values, reg),
		     &off))
		add_off(&handed->returned, off, op->addr);
	if (op->what != GRAFT_OP_MOV || !op->mem_write || op->src >= 16 ||
	    op->mem_size != 8 || graft_op_in_frame(ops, op))
		return;
	if (find_off(handed, graft_value_of_reg(values, op->src), &off))
		add_off(&handed->stored, off, op->addr);
}

/** Say whether two lists have nothing in common, and neither is empty. */
static bool
are_other(const struct offs *a, const struct offs *b)
{
	for (uint32_t i = 0; i < a->count; i++) {
		for (uint32_t k = 0; k < b->count; k++) {
			if (a->list[i] == b->list[k])
				return false;
		}
	}
	return a->count && b->count;
}

static struct graft_error *
refuse_handed(struct graft_case *c, const struct graft_twin *twin,
	      const struct offs *o, const struct offs *n)
{
	struct graft_place_text where = graft_place_code(
		twin->new_ops.code, twin->new_ops.func, n->addr);

	return graft_case_refuse(
		c, GRAFT_RULE_SIZE, where.str,
		"what is allocated was handed out from byte %lld on, and is from byte %lld on: what stands in front of an object differs",
		(long long)o->list[0], (long long)n->list[0]);
}

/** Follow one function; nothing is found where it allocates nothing. */
static struct graft_error *
find_handed(struct handed *handed, const struct graft_ops *ops)
{
	struct graft_values_reader reader = { .c = handed->c,
					      .see = see,
					      .context = handed };
	bool any;
	struct graft_error *err = find_makers(handed, ops, &any);

	if (!err && any)
		err = graft_values_follow(&reader, ops);
	free(handed->makes);
	handed->makes = NULL;
	return err;
}

/** Compare from where on both builds hand out what they allocate. */
static struct graft_error *
check_handed(struct graft_case *c, const struct graft_twin *twin)
{
	struct handed o = { .c = c };
	struct handed n = { .c = c };
	struct graft_error *err = find_handed(&o, &twin->old_ops);

	if (!err && (o.returned.count || o.stored.count))
		err = find_handed(&n, &twin->new_ops);
	if (err && graft_error_code(err) == GRAFT_ERROR_LIMIT) {
		graft_error_free(err);
		return NULL;
	}
	if (err)
		return err;
	if (are_other(&o.returned, &n.returned))
		return refuse_handed(c, twin, &o.returned, &n.returned);
	if (are_other(&o.stored, &n.stored))
		return refuse_handed(c, twin, &o.stored, &n.stored);
	return NULL;
}

/** Say whether an instruction reaches in front of what a pointer points to. The
 * elements of an array in the frame have nothing of an allocator in front. */
static bool
reaches_back(const struct graft_ops *ops, const struct graft_frame *frame,
	     uint32_t at)
{
	return graft_op_through_pointer(ops, &ops->ops[at]) &&
	       ops->ops[at].reach < 0 && !frame->inside[at];
}

/** Find an instruction that reaches in front of a pointer at a distance that only
 * one side has, or NULL. */
static const struct graft_op *
only_in(const struct graft_ops *a, const struct graft_frame *a_frame,
	const struct graft_ops *b, const struct graft_frame *b_frame)
{
	for (uint32_t i = 0; i < a->count; i++) {
		if (!reaches_back(a, a_frame, i))
			continue;
		uint32_t k = 0;
		while (k < b->count && (!reaches_back(b, b_frame, k) ||
					b->ops[k].reach != a->ops[i].reach))
			k++;
		if (k == b->count)
			return &a->ops[i];
	}
	return NULL;
}

static struct graft_error *
check_reached(struct graft_case *c, const struct graft_twin *twin)
{
	const struct graft_ops *old_ops = &twin->old_ops;
	const struct graft_ops *new_ops = &twin->new_ops;
	GRAFT_CLEANUP(graft_frame_deinit) struct graft_frame o = { 0 };
	GRAFT_CLEANUP(graft_frame_deinit) struct graft_frame n = { 0 };
	struct graft_error *err = graft_frame_read(old_ops, &o);

	if (!err)
		err = graft_frame_read(new_ops, &n);
	if (err)
		return err;
	const struct graft_op *gone = only_in(old_ops, &o, new_ops, &n);
	const struct graft_op *come = only_in(new_ops, &n, old_ops, &o);
	if (!gone || !come)
		return NULL;
	struct graft_place_text where =
		graft_place_code(new_ops->code, new_ops->func, come->addr);
	return graft_case_refuse(
		c, GRAFT_RULE_SIZE, where.str,
		"what stands %lld bytes in front of what is pointed to is looked for, and no longer what stands %lld bytes in front of it",
		-(long long)come->reach, -(long long)gone->reach);
}

struct graft_error *
graft_check_before(struct graft_case *c, const struct graft_twin *twin)
{
	struct graft_error *err = check_handed(c, twin);

	return err ? err : check_reached(c, twin);
}
