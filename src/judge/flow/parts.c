// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/parts.h"

#include "base/vec.h"

#include <stdlib.h>

/** Parts of one function but the first. */
struct parts {
	uint32_t *list;
	size_t count;
	size_t cap;
};

static struct graft_error *
add(struct parts *parts, uint32_t part)
{
	for (size_t i = 0; i < parts->count; i++) {
		if (parts->list[i] == part)
			return NULL;
	}
	struct graft_error *err = graft_vec_reserve(&parts->list, &parts->cap,
						    parts->count + 1,
						    sizeof(*parts->list));
	if (!err)
		parts->list[parts->count++] = part;
	return err;
}

/** Say whether all that names a function is jumps from one other. */
static bool
is_only_jumped_to(const struct graft_code *code, uint32_t func, uint32_t from)
{
	uint64_t addr = code->funcs[func].addr;

	for (size_t i = 0; i < code->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[i];
		if (ref->target != addr || ref->kind == GRAFT_REF_TLS)
			continue;
		uint32_t user = graft_code_func_at(code, ref->at);
		if (ref->kind != GRAFT_REF_BRANCH || ref->is_call ||
		    user == GRAFT_NONE || code->funcs[user].group != from)
			return false;
	}
	return true;
}

/** Find the functions without counterpart that only this one jumps to. */
static struct graft_error *
add_lone(const struct graft_ops *ops, const struct graft_func_match *match,
	 struct parts *parts)
{
	const struct graft_code *code = ops->code;
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < ops->own_count; i++) {
		const struct graft_op *op = &ops->ops[i];
		uint32_t ref = code->insns[op->insn].ref;
		if (!(op->flags & GRAFT_INSN_JUMP) || ref == GRAFT_NONE ||
		    (op->flags & (GRAFT_INSN_INTERNAL | GRAFT_INSN_INDIRECT)))
			continue;
		uint32_t func =
			graft_code_func_starting(code, code->refs[ref].target);
		if (func == GRAFT_NONE || match[func].other != GRAFT_NONE ||
		    code->funcs[func].group == ops->func ||
		    !is_only_jumped_to(code, func, ops->func))
			continue;
		err = add(parts, func);
	}
	return err;
}

static struct graft_error *
collect(const struct graft_ops *ops, const struct graft_func_match *match,
	struct parts *parts, bool *single_ret)
{
	const struct graft_code *code = ops->code;
	struct graft_error *err = NULL;

	if (code->funcs[ops->func].group != ops->func)
		return NULL;
	for (uint32_t part = ops->func; !err && part != GRAFT_NONE;
	     part = code->funcs[part].group_next) {
		if (part != ops->func)
			err = add(parts, part);
	}
	if (!err)
		err = add_lone(ops, match, parts);
	for (size_t i = 0; i < parts->count; i++)
		*single_ret |= match[parts->list[i]].other == GRAFT_NONE;
	return err;
}

static struct graft_error *
append(struct graft_ops *ops, const struct parts *parts)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < parts->count; i++)
		err = graft_ops_append(ops, parts->list[i]);
	if (!err)
		graft_ops_join(ops);
	return err;
}

struct graft_error *
graft_parts_join(const struct graft_diff *diff, struct graft_ops *old_ops,
		 struct graft_ops *new_ops)
{
	struct parts was = { 0 };
	struct parts is = { 0 };
	bool single = false;
	struct graft_error *err = collect(old_ops, diff->old_match, &was,
					  &single);

	if (!err)
		err = collect(new_ops, diff->new_match, &is, &single);
	if (!err && single)
		err = append(old_ops, &was);
	if (!err && single)
		err = append(new_ops, &is);
	free(was.list);
	free(is.list);
	return err;
}
