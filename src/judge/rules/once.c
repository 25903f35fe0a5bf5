// SPDX-License-Identifier: Apache-2.0

// changed code that may be too late. main() and what it calls once ran
// already; a function that never returns goes on in its old code. Neither is
// dangerous, so it is said and not refused.

#include "judge/rules/checks.h"

#include <string.h>

/** Find main(): its symbol, or what the entry hands to the C library. */
static uint32_t
find_main(const struct graft_code *code)
{
	uint32_t entry = graft_code_func_at(code,
					    graft_image_entry(code->image));

	for (uint32_t i = 0; i < code->func_count; i++) {
		const struct graft_symbol *symbol = code->funcs[i].symbol;
		if (symbol && strcmp(symbol->name, "main") == 0)
			return i;
	}
	if (entry == GRAFT_NONE ||
	    code->funcs[entry].addr != graft_image_entry(code->image))
		return GRAFT_NONE;
	const struct graft_func *start = &code->funcs[entry];
	for (uint32_t i = 0; i < start->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[start->first_ref + i];
		if (ref->kind != GRAFT_REF_ADDRESS)
			continue;
		uint32_t func = graft_code_func_at(code, ref->target);
		if (func != GRAFT_NONE && code->funcs[func].addr == ref->target)
			return func;
	}
	return GRAFT_NONE;
}

/** Say whether an instruction lies between a backward jump and its target. */
static bool
is_in_loop(const struct graft_ops *ops, uint64_t addr)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (op->target && op->target <= addr && op->addr >= addr)
			return true;
	}
	return false;
}

/** Say whether all uses of a function are calls from main() outside loops. */
static bool
is_called_once(const struct graft_graph *graph,
	       const struct graft_ops *main_ops, uint32_t func)
{
	const struct graft_code *code = graph->code;

	if (graph->escapes[func] || graph->taken[func] ||
	    graph->first[func] == graph->first[func + 1])
		return false;
	for (size_t i = graph->first[func]; i < graph->first[func + 1]; i++) {
		const struct graft_edge *edge = &graph->edges[i];
		const struct graft_insn *insn = &code->insns[edge->insn];
		if (edge->caller != main_ops->func ||
		    !(insn->flags & GRAFT_INSN_CALL) ||
		    is_in_loop(main_ops,
			       code->funcs[edge->caller].addr + insn->off))
			return false;
	}
	return true;
}

/** Say whether control can leave a function: by return, or by a jump or a call
 * at its very end that does not come back. */
static bool
may_return(const struct graft_code *code, const struct graft_func *func)
{
	for (uint32_t i = 0; i < func->insn_count; i++) {
		const struct graft_insn *insn =
			&code->insns[func->first_insn + i];
		if (insn->flags & (GRAFT_INSN_RET | GRAFT_INSN_BAD))
			return true;
		if ((insn->flags & GRAFT_INSN_JUMP) &&
		    !(insn->flags & GRAFT_INSN_INTERNAL))
			return true;
	}
	return false;
}

/** Say whether a function holds a loop. */
static bool
has_backward_jump(const struct graft_ops *ops)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		if (ops->ops[i].target &&
		    ops->ops[i].target <= ops->ops[i].addr)
			return true;
	}
	return false;
}

static struct graft_error *
judge_func(struct graft_case *c, const struct graft_ops *main_ops,
	   uint32_t func)
{
	const struct graft_code *code = c->diff->new_code;
	struct graft_place_text where =
		graft_place_code(code, func, code->funcs[func].addr);

	if (main_ops->code && func == main_ops->func)
		return graft_case_note(
			c, GRAFT_RULE_ONCE, where.str,
			"main() changed: a process that runs is inside of it until it ends, so the change has no effect on it");
	if (main_ops->code && is_called_once(c->new_graph, main_ops, func))
		return graft_case_note(
			c, GRAFT_RULE_ONCE, where.str,
			"only main() calls it, once: where it ran already the change has no effect");
	if (may_return(code, &code->funcs[func]))
		return NULL;
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct graft_error *err = graft_ops_read(code, func, &ops);
	if (err || !has_backward_jump(&ops))
		return err;
	return graft_case_note(
		c, GRAFT_RULE_ONCE, where.str,
		"the function never returns: a thread that is inside of it stays in its old code, and a hotpatch waits for it in vain");
}

struct graft_error *
graft_check_once(struct graft_case *c)
{
	const struct graft_code *code = c->diff->new_code;
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops main_ops = { 0 };
	uint32_t main_func = find_main(code);
	struct graft_error *err = NULL;

	if (main_func != GRAFT_NONE)
		err = graft_ops_read(code, main_func, &main_ops);
	for (size_t i = 0; !err && i < c->diff->carried_count; i++) {
		if (graft_case_is_twin(c, c->diff->carried[i]))
			err = judge_func(c, &main_ops, c->diff->carried[i]);
	}
	return err;
}
