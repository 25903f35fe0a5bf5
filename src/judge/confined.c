// SPDX-License-Identifier: Apache-2.0

#include "judge/confined_search.h"

#include "base/vec.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum {
	/** Callers of callers that are looked at, and functions in sum. */
	DEPTH_MAX = 4,
	CLOSED_MAX = 300,
	/** Calls that are looked at, again and again, until nothing is new. */
	LOOKS_MAX = 4000,
	/** Instructions of a function that is looked at. */
	BODY_MAX = 6000,
};

struct graft_error *
graft_confined_get_body(struct graft_confined *all, uint32_t func,
			const struct graft_confined_body **ret)
{
	struct graft_error *err = NULL;

	if (!all->bodies[func])
		err = graft_confined_body_make(all->code, all->graph, func,
					       &all->bodies[func]);
	if (!err)
		*ret = all->bodies[func];
	return err;
}

/** The functions that are closed, in the order in which they were met. */
struct closing {
	struct graft_confined_run *run;
	uint32_t *list;
	uint8_t *depth;
	size_t count;
};

static void
close_one(struct closing *closing, uint32_t func, uint8_t depth)
{
	if (closing->run->all->closed[func])
		return;
	closing->run->all->closed[func] = true;
	closing->list[closing->count] = func;
	closing->depth[closing->count++] = depth;
}

/** Close a function with all its parts: which one is entered is not known. */
static void
close_group(struct closing *closing, uint32_t func, uint8_t depth)
{
	const struct graft_func *funcs = closing->run->all->code->funcs;

	for (uint32_t f = funcs[func].group; f != GRAFT_NONE;
	     f = funcs[f].group_next)
		close_one(closing, f, depth);
}

/** Close all that calls a function, or let it count as called by anybody. */
static void
close_callers(struct closing *closing, uint32_t func, uint8_t depth)
{
	const struct graft_confined *all = closing->run->all;
	const struct graft_graph *graph = all->graph;
	const struct graft_func *funcs = all->code->funcs;
	size_t from = graph->first[func];
	size_t end = graph->first[func + 1];

	if (graph->escapes[func] || from == end || depth >= DEPTH_MAX ||
	    closing->count > CLOSED_MAX) {
		graft_confined_open(closing->run, func);
		return;
	}
	for (size_t i = from; i < end; i++) {
		const struct graft_edge *edge = &graph->edges[i];
		uint32_t caller = edge->caller;
		bool part = funcs[caller].group == funcs[func].group;
		if (!part || edge->taken)
			close_group(closing, caller, (uint8_t)(depth + 1));
	}
}

static struct graft_error *
close_all(struct graft_confined *all)
{
	struct graft_confined_run run = { .all = all };
	size_t room = all->code->func_count + 1;
	GRAFT_FREE uint32_t *list = calloc(room, sizeof(*list));
	GRAFT_FREE uint8_t *depth = calloc(room, sizeof(*depth));
	struct closing closing = { .run = &run, .list = list, .depth = depth };

	if (!list || !depth)
		return graft_error_no_memory();
	for (uint32_t i = 0; i < all->code->func_count; i++) {
		if (all->match[i].carried)
			close_one(&closing, i, 0);
	}
	for (size_t i = 0; i < closing.count; i++)
		close_callers(&closing, list[i], depth[i]);
	return run.err;
}

/** What is known where a function is entered. */
static struct graft_confined_state
entry_of(const struct graft_confined_call *call, bool trusting)
{
	struct graft_confined_state entry = { .taken = INT32_MAX,
					      .trusting = trusting };

	entry.regs[GRAFT_REG_RSP].kind = GRAFT_CONFINED_OWN;
	for (int i = 0; i < GRAFT_CONFINED_ARGUMENTS; i++)
		entry.regs[graft_confined_arguments[i]] = call->arguments[i];
	return entry;
}

/** Note what an instruction reaches. */
static struct graft_error *
add_fact(struct graft_confined_run *run, uint32_t at,
	 const struct graft_confined_state *state)
{
	struct graft_confined *all = run->all;
	const struct graft_ops *part;
	const struct graft_op *op = graft_confined_op(run->body, at, &part);
	struct graft_confined_fact fact = { .insn = op->insn,
					    .who = GRAFT_NONE };

	// An address that is moved by a number leads on in the same object.
	bool moves = op->what == GRAFT_OP_ADD && op->has_imm && !op->has_mem;
	uint8_t base = moves ? op->dst : op->base;
	if ((!moves && (!op->has_mem || op->has_ref)) || base >= 16 ||
	    base == GRAFT_REG_RSP)
		return NULL;
	struct graft_confined_value value = state->regs[base];
	bool own = value.kind == GRAFT_CONFINED_OWN;
	if ((own || value.kind == GRAFT_CONFINED_FRAME) && !value.maybe) {
		int64_t end = value.off + op->disp + op->mem_size;
		bool known = !value.vague && op->index == GRAFT_REG_NONE;
		fact.who = own ? run->body->func : value.who;
		fact.own = own;
		fact.base = value.base;
		fact.end = known && end < INT32_MAX ? (int32_t)end : INT32_MAX;
	}
	struct graft_error *err = graft_vec_reserve(&all->facts, &all->fact_cap,
						    all->fact_count + 1,
						    sizeof(*all->facts));
	if (!err)
		all->facts[all->fact_count++] = fact;
	return err;
}

/** What no way reaches may still call. */
static void
open_unseen(struct graft_confined_run *run, uint32_t at)
{
	const struct graft_ops *part;
	const struct graft_op *op = graft_confined_op(run->body, at, &part);
	struct graft_callee callee = graft_op_callee(part, op);

	if (callee.func != GRAFT_NONE)
		graft_confined_open(run, callee.func);
}

/** Look at one call. @param[in] facts Note what each instruction reaches. */
static struct graft_error *
look(struct graft_confined_run *run, bool facts)
{
	struct graft_confined *all = run->all;
	const struct graft_confined_call *call = &all->calls[run->call];
	struct graft_confined_state entry = entry_of(call, all->trusting);
	GRAFT_FREE struct graft_confined_state *states = NULL;
	GRAFT_FREE bool *seen = NULL;
	struct graft_error *err = graft_confined_get_body(all, call->func,
							  &run->body);

	if (err)
		return err;
	uint32_t count = graft_confined_count(run->body);
	if (count > BODY_MAX || count == 0) {
		all->gave_up = true;
		return NULL;
	}
	struct graft_confined_ways ways = { graft_confined_step,
					    graft_confined_mark, run };
	err = graft_confined_follow(run->body, &entry, &ways, &states, &seen);
	if (!err)
		err = run->err;
	for (uint32_t i = 0; !err && i < count; i++) {
		if (!seen[i])
			open_unseen(run, i);
		else if (facts)
			err = add_fact(run, i, &states[i]);
	}
	return err ? err : run->err;
}

/** Look at all calls until nothing is new. */
static struct graft_error *
search(struct graft_confined *all)
{
	struct graft_error *err = NULL;
	size_t looks = 0;

	for (size_t i = 0; !err && i < all->call_count && !all->gave_up; i++) {
		struct graft_confined_run run = { .all = all, .call = i };
		if (!all->calls[i].waits)
			continue;
		all->calls[i].waits = false;
		err = look(&run, false);
		if (looks++ > LOOKS_MAX)
			all->gave_up = true;
		for (size_t k = 0; run.changed && k < all->call_count; k++)
			all->calls[k].waits = true;
		if (run.changed)
			i = SIZE_MAX;
	}
	for (size_t i = 0; !err && i < all->call_count && !all->gave_up; i++) {
		struct graft_confined_run run = { .all = all, .call = i };
		err = look(&run, true);
	}
	return err;
}

/** Forget all that was found. */
static void
forget(struct graft_confined *all)
{
	all->call_count = 0;
	all->mark_count = 0;
	all->copy_count = 0;
	all->fact_count = 0;
	all->exposed.count = 0;
	all->trusted.count = 0;
	memset(all->closed, 0, all->code->func_count * sizeof(*all->closed));
}

static int
compare_facts(const void *a, const void *b)
{
	const struct graft_confined_fact *x = a;
	const struct graft_confined_fact *y = b;

	return (x->insn > y->insn) - (x->insn < y->insn);
}

struct graft_error *
graft_confined_make(const struct graft_code *code,
		    const struct graft_graph *graph,
		    const struct graft_func_match *match,
		    struct graft_confined **ret)
{
	GRAFT_CLEANUP(graft_confined_freep)
	struct graft_confined *all = calloc(1, sizeof(*all));
	size_t room = code->func_count + 1;

	if (!all)
		return graft_error_no_memory();
	all->code = code;
	all->graph = graph;
	all->match = match;
	all->bodies = calloc(room, sizeof(struct graft_confined_body *));
	all->closed = calloc(room, sizeof(*all->closed));
	all->clobbers = calloc(room, sizeof(*all->clobbers));
	all->clobbers_known = calloc(room, sizeof(*all->clobbers_known));
	all->incoming = calloc(room, sizeof(*all->incoming));
	all->incoming_known = calloc(room, sizeof(*all->incoming_known));
	if (!all->bodies || !all->closed || !all->clobbers ||
	    !all->clobbers_known || !all->incoming || !all->incoming_known)
		return graft_error_no_memory();
	// Without relocations nobody can say whose address is in data.
	all->gave_up = graft_image_type(code->image) != ET_DYN;
	struct graft_error *err = NULL;
	// The first pass finds which words are read again.
	for (int pass = 0; !err && pass < 3 && !all->gave_up; pass++) {
		forget(all);
		all->collecting = pass == 0;
		all->trusting = pass < 2;
		err = close_all(all);
		if (!err)
			err = search(all);
		if (!err && pass == 1 && graft_confined_is_trust_right(all))
			break;
	}
	if (err)
		return err;
	if (all->fact_count)
		qsort(all->facts, all->fact_count, sizeof(*all->facts),
		      compare_facts);
	*ret = GRAFT_TAKE(all);
	return NULL;
}

void
graft_confined_free(struct graft_confined *confined)
{
	if (!confined)
		return;
	for (size_t i = 0; confined->bodies && i < confined->code->func_count;
	     i++)
		graft_confined_body_free(confined->bodies[i]);
	free(confined->bodies);
	free(confined->closed);
	free(confined->clobbers);
	free(confined->clobbers_known);
	free(confined->incoming);
	free(confined->incoming_known);
	free(confined->calls);
	free(confined->marks);
	free(confined->copies);
	free(confined->facts);
	free(confined->exposed.list);
	free(confined->trusted.list);
	free(confined->loaded.list);
	free(confined);
}
