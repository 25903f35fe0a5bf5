// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/at_start.h"

#include "diff/code/main.h"

#include <stdlib.h>

enum {
	/** Chains of functions that run at the start only. */
	ROUNDS_MAX = 16,
};

/** Is there a jump back over an instruction? */
static bool
is_in_loop(const struct graft_ops *ops, uint64_t addr)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (op->target && op->target <= addr && addr <= op->addr)
			return true;
	}
	return false;
}

/** What is read of functions that run at the start. */
struct reader {
	struct graft_at_start *start;
	const struct graft_graph *graph;
	/** One per function; those that were read have their code. */
	struct graft_ops *ops;
};

static void
reader_deinit(struct reader *reader)
{
	for (size_t i = 0; reader->ops && i < reader->graph->code->func_count;
	     i++)
		graft_ops_deinit(&reader->ops[i]);
	free(reader->ops);
}

/** Is a use of a function at the start? */
GRAFT_MUST_CHECK static struct graft_error *
edge_at_start(struct reader *reader, const struct graft_edge *edge, bool *ret)
{
	const struct graft_code *code = reader->graph->code;
	const struct graft_func *func = &code->funcs[edge->caller];
	struct graft_ops *ops = &reader->ops[edge->caller];

	*ret = false;
	if (func->group != reader->start->main_func &&
	    !reader->start->funcs[func->group])
		return NULL;
	if (!ops->code) {
		struct graft_error *err = graft_ops_read(code, edge->caller,
							 ops);
		if (err)
			return err;
	}
	*ret = !is_in_loop(ops, func->addr + code->insns[edge->insn].off);
	return NULL;
}

/** Is all that uses a function at the start? */
GRAFT_MUST_CHECK static struct graft_error *
only_at_start(struct reader *reader, uint32_t func, bool *ret)
{
	const struct graft_graph *graph = reader->graph;
	struct graft_error *err = NULL;

	*ret = !graph->escapes[func] && !graph->taken[func] &&
	       graph->first[func] != graph->first[func + 1];
	for (size_t i = graph->first[func];
	     !err && *ret && i < graph->first[func + 1]; i++)
		err = edge_at_start(reader, &graph->edges[i], ret);
	return err;
}

/** Mark what is called by what is marked, for as long as there is more. */
GRAFT_MUST_CHECK static struct graft_error *
mark(struct reader *reader)
{
	const struct graft_code *code = reader->graph->code;
	struct graft_at_start *start = reader->start;
	struct graft_error *err = NULL;
	bool again = true;

	for (int round = 0; !err && again && round < ROUNDS_MAX; round++) {
		again = false;
		for (uint32_t i = 0; !err && i < code->func_count; i++) {
			bool at_start = false;
			if (start->funcs[i] || code->funcs[i].group != i ||
			    i == start->main_func)
				continue;
			err = only_at_start(reader, i, &at_start);
			start->funcs[i] = !err && at_start;
			again |= start->funcs[i];
		}
	}
	return err;
}

struct graft_error *
graft_at_start_init(const struct graft_graph *graph, struct graft_at_start *ret)
{
	const struct graft_code *code = graph->code;
	size_t room = (size_t)code->func_count + 1;
	uint32_t main_func = graft_main_find(code);

	*ret = (struct graft_at_start){ .code = code, .main_func = GRAFT_NONE };
	ret->funcs = calloc(room, sizeof(*ret->funcs));
	if (!ret->funcs)
		return graft_error_no_memory();
	if (main_func == GRAFT_NONE)
		return NULL;
	ret->main_func = code->funcs[main_func].group;
	GRAFT_CLEANUP(reader_deinit)
	struct reader reader = { .start = ret, .graph = graph };
	reader.ops = calloc(room, sizeof(*reader.ops));
	return reader.ops ? mark(&reader) : graft_error_no_memory();
}

void
graft_at_start_deinit(struct graft_at_start *start)
{
	free(start->funcs);
	*start = (struct graft_at_start){ 0 };
}

bool
graft_at_start_has(const struct graft_at_start *start,
		   const struct graft_ops *ops, uint32_t at)
{
	uint32_t group = start->code->funcs[ops->func].group;

	return (group == start->main_func || start->funcs[group]) &&
	       !is_in_loop(ops, ops->ops[at].addr);
}
