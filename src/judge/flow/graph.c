// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/graph.h"

#include "base/vec.h"

#include <string.h>

static struct graft_error *
add_edges_of(struct graft_graph *graph, size_t *cap, uint32_t func)
{
	const struct graft_code *code = graph->code;
	const struct graft_func *f = &code->funcs[func];

	for (uint32_t i = 0; i < f->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[f->first_ref + i];
		const struct graft_insn *insn = &code->insns[ref->insn];
		struct graft_callee callee = graft_callee_of(code, insn);
		// A jump into the middle of another function is a use of it.
		if (callee.func == GRAFT_NONE && ref->kind == GRAFT_REF_BRANCH)
			callee.func = graft_code_func_at(code, ref->target);
		if (callee.func == GRAFT_NONE)
			continue;
		struct graft_error *err = graft_vec_reserve(
			&graph->edges, cap, graph->edge_count + 1,
			sizeof(*graph->edges));
		if (err)
			return err;
		bool taken = !(insn->flags &
			       (GRAFT_INSN_CALL | GRAFT_INSN_JUMP));
		graph->edges[graph->edge_count++] = (struct graft_edge){
			.caller = func,
			.callee = callee.func,
			.insn = ref->insn,
			.taken = taken,
		};
		if (taken)
			graph->taken[callee.func] = true;
	}
	return NULL;
}

static int
compare_edges(const void *a, const void *b)
{
	const struct graft_edge *x = a;
	const struct graft_edge *y = b;

	if (x->callee != y->callee)
		return x->callee < y->callee ? -1 : 1;
	return (x->insn > y->insn) - (x->insn < y->insn);
}

/** Mark what is known outside of the code: symbols, pointers in data. */
static void
mark_escapes(struct graft_graph *graph)
{
	const struct graft_code *code = graph->code;
	size_t count;
	const struct graft_symbol *symbols = graft_image_symbols(code->image,
								 &count);

	for (size_t i = 0; i < count; i++) {
		if (!symbols[i].dynamic || !symbols[i].defined)
			continue;
		uint32_t func = graft_code_func_starting(code, symbols[i].addr);
		if (func != GRAFT_NONE) {
			graph->exported[func] = true;
			graph->escapes[func] = true;
		}
	}
	const struct graft_reloc *relocs = graft_image_relocs(code->image,
							      &count);
	for (size_t i = 0; i < count; i++) {
		struct graft_callee callee = { .func = GRAFT_NONE };
		graft_callee_of_reloc(code, &relocs[i], &callee);
		if (relocs[i].type == R_X86_64_IRELATIVE)
			callee.func = graft_code_func_starting(
				code, (uint64_t)relocs[i].addend);
		if (callee.func != GRAFT_NONE)
			graph->escapes[callee.func] = true;
	}
	uint32_t entry =
		graft_code_func_starting(code, graft_image_entry(code->image));
	if (entry != GRAFT_NONE)
		graph->escapes[entry] = true;
}

struct graft_error *
graft_graph_make(const struct graft_code *code, struct graft_graph **ret)
{
	GRAFT_CLEANUP(graft_graph_freep)
	struct graft_graph *graph = calloc(1, sizeof(*graph));
	size_t count = code->func_count;
	size_t cap = 0;

	if (!graph)
		return graft_error_no_memory();
	graph->code = code;
	graph->first = calloc(count + 2, sizeof(*graph->first));
	graph->escapes = calloc(count + 1, sizeof(*graph->escapes));
	graph->exported = calloc(count + 1, sizeof(*graph->exported));
	graph->taken = calloc(count + 1, sizeof(*graph->taken));
	if (!graph->first || !graph->escapes || !graph->exported ||
	    !graph->taken)
		return graft_error_no_memory();
	for (uint32_t i = 0; i < count; i++) {
		struct graft_error *err = add_edges_of(graph, &cap, i);
		if (err)
			return err;
	}
	if (graph->edge_count)
		qsort(graph->edges, graph->edge_count, sizeof(*graph->edges),
		      compare_edges);
	for (size_t i = 0; i < graph->edge_count; i++)
		graph->first[graph->edges[i].callee + 1]++;
	for (size_t i = 0; i < count; i++)
		graph->first[i + 1] += graph->first[i];
	mark_escapes(graph);
	*ret = GRAFT_TAKE(graph);
	return NULL;
}

void
graft_graph_free(struct graft_graph *graph)
{
	if (!graph)
		return;
	free(graph->edges);
	free(graph->first);
	free(graph->escapes);
	free(graph->exported);
	free(graph->taken);
	free(graph);
}

static bool
only_from_marked(const struct graft_graph *graph, uint32_t func,
		 const bool *marked)
{
	bool used = false;

	if (graph->escapes[func] || graph->taken[func])
		return false;
	for (size_t i = graph->first[func]; i < graph->first[func + 1]; i++) {
		const struct graft_edge *edge = &graph->edges[i];
		if (edge->caller == func)
			continue;
		used = true;
		if (!marked[edge->caller])
			return false;
	}
	return used;
}

struct graft_error *
graft_graph_only_from(const struct graft_graph *graph, const bool *is_root,
		      bool **ret)
{
	size_t count = graph->code->func_count;
	bool *marked = calloc(count + 1, sizeof(*marked));
	bool again = true;

	if (!marked)
		return graft_error_no_memory();
	memcpy(marked, is_root, count * sizeof(*marked));
	// Chains are short; each round marks one more link of all of them.
	for (int round = 0; again && round < 64; round++) {
		again = false;
		for (uint32_t i = 0; i < count; i++) {
			if (marked[i] || !only_from_marked(graph, i, marked))
				continue;
			marked[i] = true;
			again = true;
		}
	}
	*ret = marked;
	return NULL;
}
