// SPDX-License-Identifier: Apache-2.0

/** @file Who calls whom in one build, and whose address gets about. */

#ifndef GRAFT_JUDGE_GRAPH_H
#define GRAFT_JUDGE_GRAPH_H

#include "base/cleanup.h"
#include "base/error.h"
#include "diff/code/callee.h"
#include "diff/code/code.h"

/** A use of a function by another one of the same build. */
struct graft_edge {
	uint32_t caller;
	uint32_t callee;
	/** Index of the instruction in graft_code::insns. */
	uint32_t insn;
	/** The address is taken, not called. */
	bool taken;
};

/** All uses of functions of one build. */
struct graft_graph {
	/** Borrowed. */
	const struct graft_code *code;
	/** By ascending callee. */
	struct graft_edge *edges;
	size_t edge_count;
	/** First edge of each callee; one more than there are functions. */
	size_t *first;
	/** Each function: its address is in data, or its symbol is exported. */
	bool *escapes;
	bool *exported;
	/** Each function: some code takes its address. */
	bool *taken;
};

/**
 * Collect the uses of functions.
 *
 * @param[in] code Borrowed until the graph is freed.
 * @param[out] ret New graph; free with graft_graph_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_graph_make(const struct graft_code *code, struct graft_graph **ret);

/** Free a graph. NULL is a no-op. */
void
graft_graph_free(struct graft_graph *graph);
GRAFT_DEFINE_CLEANUP(struct graft_graph, graft_graph_free)

/**
 * Mark the functions that run only if one of some roots runs: those roots, and
 * every function all uses of which are calls or jumps from marked ones and whose
 * address does not get about.
 *
 * @param[in] is_root One per function.
 * @param[out] ret New array, one per function; free with free(3).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_graph_only_from(const struct graft_graph *graph, const bool *is_root,
		      bool **ret);

#endif /* GRAFT_JUDGE_GRAPH_H */
