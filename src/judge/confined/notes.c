// SPDX-License-Identifier: Apache-2.0

// What the search of confined.h remembers, and what it asks of functions once.

#include "judge/confined/search.h"

#include "base/vec.h"

#include <string.h>

enum {
	/** Ways to call functions that are told apart, in sum and of one. */
	CALLS_MAX = 400,
	CALLS_PER_FUNC = 16,
	/** Calls of calls whose registers are looked at. */
	DEPTH_MAX = 6,
};

/** rax rcx rdx rsi rdi r8 to r11 and all vector registers. */
static const uint32_t volatile_bits = 0xffff0fc7;

void
graft_confined_fail(struct graft_confined_run *run, const char *fault)
{
	if (run->all->fault)
		return;
	run->all->fault = fault;
	run->all->fault_addr = run->addr;
}

const struct graft_confined_body *
graft_confined_get_body(struct graft_confined_run *run, uint32_t func)
{
	struct graft_confined *all = run->all;

	if (!all->bodies[func] && !run->err)
		run->err = graft_confined_body_make(all->q->code, all->q->graph,
						    func, &all->bodies[func]);
	return all->bodies[func];
}

bool
graft_confined_enter(struct graft_confined_run *run, uint32_t func,
		     const struct graft_confined_value *arguments)
{
	struct graft_confined *all = run->all;
	size_t of_func = 0;

	for (size_t i = 0; i < all->call_count; i++) {
		struct graft_confined_call *call = &all->calls[i];
		bool same = call->func == func;
		of_func += same;
		for (int k = 0; same && k < GRAFT_CONFINED_ARGUMENTS; k++)
			same = graft_confined_equal(&call->arguments[k],
						    &arguments[k]);
		if (same)
			return call->returns_bound;
	}
	if (all->call_count >= CALLS_MAX || of_func >= CALLS_PER_FUNC)
		graft_confined_fail(run, "there are too many calls");
	if (all->fault || run->err)
		return false;
	run->err = graft_vec_reserve(&all->calls, &all->call_cap,
				     all->call_count + 1, sizeof(*all->calls));
	if (run->err)
		return false;
	struct graft_confined_call *call = &all->calls[all->call_count++];
	*call = (struct graft_confined_call){ .func = func, .waits = true };
	memcpy(call->arguments, arguments, sizeof(call->arguments));
	return false;
}

void
graft_confined_lose(void *context, const struct graft_confined_value *value)
{
	struct graft_confined_value none[GRAFT_CONFINED_ARGUMENTS] = { 0 };
	struct graft_confined_run *run = context;

	// Who gets no object need not be looked at.
	if (value->kind == GRAFT_CONFINED_FUNC &&
	    run->all->q->closed[value->who])
		(void)graft_confined_enter(run, value->who, none);
}

/** Add bytes to a list, once. */
static void
add_range(struct graft_confined_run *run, struct graft_confined_range **list,
	  size_t *count, size_t *cap, int64_t off, int64_t end)
{
	struct graft_confined_range range = { run->body->func, off, end };

	for (size_t i = 0; i < *count; i++) {
		if ((*list)[i].func == range.func && (*list)[i].off == off &&
		    (*list)[i].end == end)
			return;
	}
	if (!run->err)
		run->err = graft_vec_reserve(list, cap, *count + 1,
					     sizeof(**list));
	if (!run->err)
		(*list)[(*count)++] = range;
}

void
graft_confined_expose(struct graft_confined_run *run, int64_t off, int64_t size)
{
	struct graft_confined *all = run->all;

	add_range(run, &all->exposed, &all->exposed_count, &all->exposed_cap,
		  off, size ? off + size : INT64_MAX);
}

void
graft_confined_spill(struct graft_confined_run *run, int64_t off)
{
	struct graft_confined *all = run->all;

	add_range(run, &all->words, &all->word_count, &all->word_cap, off,
		  off + 8);
}

/** Collect the registers that a function changes. */
static uint32_t
collect_clobbers(struct graft_confined_run *run, uint32_t func, int depth)
{
	struct graft_confined *all = run->all;
	uint32_t found = 0;

	if (all->clobbers_known[func])
		return all->clobbers[func];
	const struct graft_confined_body *body =
		depth > DEPTH_MAX ? NULL : graft_confined_get_body(run, func);
	if (!body)
		return volatile_bits;
	// Until it is known, and so in circles, it is all that may be.
	all->clobbers_known[func] = true;
	all->clobbers[func] = volatile_bits;
	for (uint32_t i = 0; i < graft_confined_count(body); i++) {
		const struct graft_ops *part;
		const struct graft_op *op = graft_confined_op(body, i, &part);
		bool reads = op->what == GRAFT_OP_CMP ||
			     op->what == GRAFT_OP_TEST ||
			     op->what == GRAFT_OP_PUSH || op->mem_write;
		found |= op->writes | op->low_writes;
		if (op->first < 32 && !reads)
			found |= (uint32_t)1 << op->first;
		if (!(op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) ||
		    graft_confined_target(body, i) < graft_confined_count(body))
			continue;
		struct graft_callee callee = graft_op_callee(part, op);
		// What a function calls itself changes nothing more.
		if (callee.func == func || op->target)
			continue;
		found |= callee.func == GRAFT_NONE || callee.import
				 ? volatile_bits
				 : collect_clobbers(run, callee.func,
						    depth + 1);
	}
	all->clobbers[func] = found;
	return found;
}

uint32_t
graft_confined_clobbers(struct graft_confined_run *run, uint32_t func)
{
	return collect_clobbers(run, func, 0) & volatile_bits;
}
