// SPDX-License-Identifier: Apache-2.0

#include "judge/confined/body.h"

#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

/** Say whether a function is a part. */
static bool
has_part(const struct graft_confined_body *body, uint32_t func)
{
	for (size_t i = 0; i < body->part_count; i++) {
		if (body->parts[i].func == func)
			return true;
	}
	return false;
}

/** Say whether a function has a name of its own: it was not cut off. */
static bool
is_named(const struct graft_func *func)
{
	return func->symbol && !strstr(func->symbol->name, ".cold");
}

/** Say whether nothing comes to a function but jumps from the parts. */
static bool
is_only_jumped_to(const struct graft_confined_body *body,
		  const struct graft_graph *graph, uint32_t func)
{
	if (graph->escapes[func] || is_named(&body->code->funcs[func]))
		return false;
	for (size_t i = graph->first[func]; i < graph->first[func + 1]; i++) {
		const struct graft_edge *edge = &graph->edges[i];
		uint8_t flags = body->code->insns[edge->insn].flags;
		if (edge->taken || (flags & GRAFT_INSN_CALL) ||
		    !has_part(body, edge->caller))
			return false;
	}
	return true;
}

static struct graft_error *
add_part(struct graft_confined_body *body, size_t *cap, uint32_t func)
{
	if (has_part(body, func))
		return NULL;
	struct graft_error *err = graft_vec_reserve(
		&body->parts, cap, body->part_count + 1, sizeof(*body->parts));
	if (!err)
		err = graft_ops_read(body->code, func,
				     &body->parts[body->part_count]);
	if (!err)
		body->part_count++;
	return err;
}

/** Add what only a part jumps to: parts that were cut off and do not come back. */
static struct graft_error *
add_jumped_to(struct graft_confined_body *body, const struct graft_graph *graph,
	      size_t *cap, uint32_t from)
{
	const struct graft_code *code = body->code;
	const struct graft_func *func = &code->funcs[from];
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < func->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[func->first_ref + i];
		uint32_t to = ref->kind == GRAFT_REF_BRANCH && !ref->is_call
				      ? graft_code_func_starting(code,
								 ref->target)
				      : GRAFT_NONE;
		if (to != GRAFT_NONE && to != body->func &&
		    is_only_jumped_to(body, graph, to))
			err = add_part(body, cap, to);
	}
	return err;
}

/** Find the stack pointer at the first call, straight on from the entry. */
static int64_t
find_rsp(const struct graft_ops *ops)
{
	int64_t rsp = 0;

	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		bool moves = op->what == GRAFT_OP_ADD && op->has_imm &&
			     op->dst == GRAFT_REG_RSP;
		if (op->flags & GRAFT_INSN_CALL)
			break;
		if (op->what == GRAFT_OP_PUSH)
			rsp -= 8;
		if (moves && op->subtracts)
			rsp -= op->imm;
		// Behind an early way out stands what it did not undo.
		if (moves && !op->subtracts)
			rsp += op->imm;
		if (op->what == GRAFT_OP_POP)
			rsp += 8;
	}
	return rsp;
}

struct graft_error *
graft_confined_body_make(const struct graft_code *code,
			 const struct graft_graph *graph, uint32_t func,
			 struct graft_confined_body **ret)
{
	GRAFT_CLEANUP(graft_confined_body_freep)
	struct graft_confined_body *body = calloc(1, sizeof(*body));
	size_t cap = 0;

	if (!body)
		return graft_error_no_memory();
	body->code = code;
	body->func = func;
	struct graft_error *err = add_part(body, &cap, func);
	for (uint32_t f = code->funcs[func].group; !err && f != GRAFT_NONE;
	     f = code->funcs[f].group_next)
		err = add_part(body, &cap, f);
	for (size_t i = 0; !err && i < body->part_count; i++)
		err = add_jumped_to(body, graph, &cap, body->parts[i].func);
	if (err)
		return err;
	body->first = calloc(body->part_count + 2, sizeof(*body->first));
	if (!body->first)
		return graft_error_no_memory();
	for (size_t i = 0; i < body->part_count; i++)
		body->first[i + 1] = body->first[i] + body->parts[i].count;
	body->rsp = find_rsp(&body->parts[0]);
	*ret = GRAFT_TAKE(body);
	return NULL;
}

void
graft_confined_body_free(struct graft_confined_body *body)
{
	if (!body)
		return;
	for (size_t i = 0; i < body->part_count; i++)
		graft_ops_deinit(&body->parts[i]);
	free(body->parts);
	free(body->first);
	free(body);
}

const struct graft_op *
graft_confined_op(const struct graft_confined_body *body, uint32_t at,
		  const struct graft_ops **part_ret)
{
	size_t part = 0;

	while (at >= body->first[part + 1])
		part++;
	*part_ret = &body->parts[part];
	return &body->parts[part].ops[at - body->first[part]];
}

uint32_t
graft_confined_count(const struct graft_confined_body *body)
{
	return body->first[body->part_count];
}

uint32_t
graft_confined_at(const struct graft_confined_body *body, uint64_t addr)
{
	for (size_t i = 0; addr && i < body->part_count; i++) {
		uint32_t found = graft_op_at(&body->parts[i], addr);
		if (found < body->parts[i].count)
			return body->first[i] + found;
	}
	return graft_confined_count(body);
}

uint32_t
graft_confined_target(const struct graft_confined_body *body, uint32_t at)
{
	const struct graft_ops *part;
	const struct graft_op *op = graft_confined_op(body, at, &part);
	uint32_t ref = body->code->insns[op->insn].ref;
	uint64_t target = op->target;

	if (!(op->flags & GRAFT_INSN_JUMP))
		return graft_confined_count(body);
	if (!target && ref != GRAFT_NONE &&
	    body->code->refs[ref].kind == GRAFT_REF_BRANCH)
		target = body->code->refs[ref].target;
	return graft_confined_at(body, target);
}
