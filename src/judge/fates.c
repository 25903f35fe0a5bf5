// SPDX-License-Identifier: Apache-2.0

#include "judge/fates.h"

#include "base/vec.h"
#include "judge/flow/op.h"

enum {
	/** More are not looked for: each of them refuses. */
	FATES_MAX = 64,
};

/** Find the first part of the function that a part belongs to. */
static uint32_t
head_of(const struct graft_code *code, uint32_t func)
{
	return code->funcs[func].group;
}

static bool
is_fragment(const struct graft_code *code, uint32_t func)
{
	return code->funcs[func].group != func;
}

/** Say whether two functions were matched, or neither was. */
static bool
may_be_same(const struct graft_diff *diff, uint32_t o, uint32_t n)
{
	uint32_t old_head = head_of(diff->old_code, o);
	uint32_t new_head = head_of(diff->new_code, n);
	uint32_t other = diff->new_match[new_head].other;

	if (other != GRAFT_NONE)
		return other == old_head;
	return diff->old_match[old_head].other == GRAFT_NONE;
}

/** Say whether both are used by functions that may be the same. */
static bool
same_user(const struct graft_case *c, uint32_t o, uint32_t n)
{
	const struct graft_graph *was = c->old_graph;
	const struct graft_graph *is = c->new_graph;

	if (was->escapes[o] && is->escapes[n])
		return true;
	for (size_t i = was->first[o]; i < was->first[o + 1]; i++) {
		for (size_t j = is->first[n]; j < is->first[n + 1]; j++) {
			if (may_be_same(c->diff, was->edges[i].caller,
					is->edges[j].caller))
				return true;
		}
	}
	return false;
}

/** Find the nearest function before one that has a counterpart. */
static uint32_t
before(const struct graft_func_match *match, uint32_t func)
{
	while (func-- > 0) {
		if (match[func].other != GRAFT_NONE)
			return func;
	}
	return GRAFT_NONE;
}

/** Find the nearest one behind. */
static uint32_t
behind(const struct graft_func_match *match, size_t count, uint32_t func)
{
	while (++func < count) {
		if (match[func].other != GRAFT_NONE)
			return func;
	}
	return GRAFT_NONE;
}

/** Say whether both stand between neighbours that match. */
static bool
same_place(const struct graft_diff *diff, uint32_t o, uint32_t n)
{
	uint32_t left = before(diff->new_match, n);
	uint32_t right = behind(diff->new_match, diff->new_code->func_count, n);
	uint32_t old_left = before(diff->old_match, o);
	uint32_t old_right = behind(diff->old_match, diff->old_code->func_count,
				    o);

	return (left == GRAFT_NONE ? GRAFT_NONE
				   : diff->new_match[left].other) == old_left &&
	       (right == GRAFT_NONE
			? GRAFT_NONE
			: diff->new_match[right].other) == old_right;
}

static bool
may_be_version(const struct graft_case *c, uint32_t o, uint32_t n)
{
	const struct graft_diff *diff = c->diff;
	bool fragment = is_fragment(diff->new_code, n);

	// What is cut off of a function is no other function, and belongs to
	// its own one.
	if (is_fragment(diff->old_code, o) != fragment)
		return false;
	if (fragment)
		return may_be_same(diff, o, n);
	// Both have names, and they differ.
	if (diff->old_code->funcs[o].symbol && diff->new_code->funcs[n].symbol)
		return false;
	return same_user(c, o, n) || same_place(diff, o, n);
}

/** Say whether a function does anything but compute. */
static struct graft_error *
has_effects(const struct graft_code *code, uint32_t func, bool *ret)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct graft_error *err = graft_ops_read(code, func, &ops);

	*ret = false;
	for (uint32_t i = 0; !err && !*ret && i < ops.count; i++) {
		const struct graft_op *op = &ops.ops[i];
		bool leaves = (op->flags &
			       (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
			      !(op->flags & GRAFT_INSN_INTERNAL);
		bool memory = op->has_mem && op->what != GRAFT_OP_LEA &&
			      op->what != GRAFT_OP_NOP &&
			      !graft_op_in_frame(&ops, op);
		*ret = leaves || memory;
	}
	return err;
}

static struct graft_error *
find_versions(struct graft_case *c, uint32_t n, struct graft_fates *fates)
{
	const struct graft_diff *diff = c->diff;
	struct graft_error *err = NULL;
	bool effects;

	err = has_effects(diff->new_code, n, &effects);
	if (err || !effects)
		return err;
	for (uint32_t o = 0; !err && o < diff->old_code->func_count; o++) {
		if (diff->old_match[o].other != GRAFT_NONE ||
		    !may_be_version(c, o, n))
			continue;
		err = graft_vec_reserve(&fates->list, &fates->cap,
					fates->count + 1, sizeof(*fates->list));
		if (!err)
			fates->list[fates->count++] = (struct graft_fate){
				.old_func = o, .new_func = n
			};
	}
	return err;
}

struct graft_error *
graft_fates_find(struct graft_case *c, struct graft_fates *ret)
{
	const struct graft_diff *diff = c->diff;
	struct graft_error *err = NULL;

	for (size_t i = 0;
	     !err && i < diff->carried_count && ret->count < FATES_MAX; i++) {
		uint32_t n = diff->carried[i];
		if (diff->new_match[n].other == GRAFT_NONE)
			err = find_versions(c, n, ret);
	}
	return err;
}

void
graft_fates_deinit(struct graft_fates *fates)
{
	free(fates->list);
	*fates = (struct graft_fates){ 0 };
}

struct graft_error *
graft_fate_refuse(struct graft_case *c, const struct graft_fate *fate)
{
	const struct graft_diff *diff = c->diff;
	struct graft_place_text where =
		graft_place_code(diff->new_code, fate->new_func,
				 diff->new_code->funcs[fate->new_func].addr);
	struct graft_place_text was =
		graft_place_code(diff->old_code, fate->old_func,
				 diff->old_code->funcs[fate->old_func].addr);

	return graft_case_refuse(
		c, GRAFT_RULE_REFERENCE, where.str,
		"OLD's %s has no counterpart, and this may be its new version: it is used in the same place, and too little of both is alike to compare them",
		was.str);
}
