// SPDX-License-Identifier: Apache-2.0

// What the search of confined.h remembers, and what it asks of functions once.

#include "judge/confined_search.h"

#include "base/vec.h"
#include "judge/incoming.h"

#include <string.h>

enum {
	/** Ways to call functions that are told apart, in sum and of one. */
	CALLS_MAX = 400,
	CALLS_PER_FUNC = 12,
	/** Calls of calls whose registers are looked at. */
	DEPTH_MAX = 6,
};

/** rax rcx rdx rsi rdi r8 to r11 and all vector registers. */
static const uint32_t volatile_bits = 0xffff0fc7;

bool
graft_confined_has_place(const struct graft_confined_run *run,
			 const struct graft_confined_places *places,
			 int32_t off, bool wild)
{
	uint32_t who = run->body->func;

	for (size_t i = 0; i < places->count; i++) {
		if (places->list[i].who == who && places->list[i].off == off &&
		    places->list[i].wild == wild)
			return true;
	}
	return false;
}

/** Add a place to a list, once. */
static void
add_place(struct graft_confined_run *run, struct graft_confined_places *places,
	  int32_t off, bool wild)
{
	struct graft_confined_place place = { run->body->func, off, wild };

	if (graft_confined_has_place(run, places, off, wild))
		return;
	if (!run->err)
		run->err = graft_vec_reserve(&places->list, &places->cap,
					     places->count + 1,
					     sizeof(*places->list));
	if (!run->err)
		places->list[places->count++] = place;
}

uint64_t
graft_confined_incoming(struct graft_confined_run *run, uint32_t func)
{
	struct graft_confined *all = run->all;
	struct graft_incoming incoming = { .may_read = UINT64_MAX };

	if (func == GRAFT_NONE || run->err)
		return UINT64_MAX;
	if (!all->incoming_known[func]) {
		run->err = graft_incoming_read(all->code, func, &incoming);
		all->incoming[func] = incoming.may_read;
		all->incoming_known[func] = !run->err;
	}
	return all->incoming[func];
}

struct graft_confined_value
graft_confined_enter(struct graft_confined_run *run, uint32_t func,
		     const struct graft_confined_value *arguments)
{
	struct graft_confined *all = run->all;
	struct graft_confined_value none = graft_confined_nothing();
	size_t of_func = 0;

	for (size_t i = 0; i < all->call_count; i++) {
		struct graft_confined_call *call = &all->calls[i];
		bool same = call->func == func;
		of_func += same;
		for (int k = 0; same && k < GRAFT_CONFINED_ARGUMENTS; k++)
			same = graft_confined_equal(&call->arguments[k],
						    &arguments[k]);
		if (same)
			return call->result;
	}
	if (all->call_count >= CALLS_MAX || of_func >= CALLS_PER_FUNC)
		all->gave_up = true;
	if (all->gave_up || run->err)
		return none;
	run->err = graft_vec_reserve(&all->calls, &all->call_cap,
				     all->call_count + 1, sizeof(*all->calls));
	if (run->err)
		return none;
	struct graft_confined_call *call = &all->calls[all->call_count++];
	*call = (struct graft_confined_call){ .func = func, .waits = true };
	memcpy(call->arguments, arguments, sizeof(call->arguments));
	return none;
}

void
graft_confined_open(struct graft_confined_run *run, uint32_t func)
{
	struct graft_confined_value none[GRAFT_CONFINED_ARGUMENTS] = { 0 };

	// Who is not asked about need not be looked at for this.
	if (run->all->closed[func])
		(void)graft_confined_enter(run, func, none);
}

void
graft_confined_mark(void *context, const struct graft_confined_value *value)
{
	struct graft_confined_run *run = context;
	struct graft_confined *all = run->all;

	if (!graft_confined_is_address(value))
		return;
	if (value->kind == GRAFT_CONFINED_FUNC) {
		graft_confined_open(run, value->who);
		return;
	}
	struct graft_confined_mark mark = {
		value->kind == GRAFT_CONFINED_OWN ? run->body->func
						  : value->who,
		value->base,
	};
	for (size_t i = 0; i < all->mark_count; i++) {
		if (all->marks[i].who == mark.who &&
		    all->marks[i].base == mark.base)
			return;
	}
	if (!run->err)
		run->err = graft_vec_reserve(&all->marks, &all->mark_cap,
					     all->mark_count + 1,
					     sizeof(*all->marks));
	if (!run->err)
		all->marks[all->mark_count++] = mark;
}

void
graft_confined_expose(struct graft_confined_run *run, int32_t off, bool wild)
{
	add_place(run, &run->all->exposed, off, wild);
}

struct graft_confined_value
graft_confined_read_word(struct graft_confined_run *run,
			 const struct graft_confined_state *state, int32_t off)
{
	struct graft_confined_value value = graft_confined_load(state, off);

	if (!graft_confined_is_address(&value))
		return value;
	add_place(run, &run->all->loaded, off, false);
	if (graft_confined_is_exposed(state, off))
		add_place(run, &run->all->trusted, off, false);
	return value;
}

/** Collect the registers that a function changes. */
static struct graft_error *
collect_clobbers(struct graft_confined *all, uint32_t func, int depth,
		 uint32_t *ret)
{
	const struct graft_confined_body *body;
	struct graft_error *err = NULL;

	if (all->clobbers_known[func]) {
		*ret |= all->clobbers[func];
		return NULL;
	}
	if (depth > DEPTH_MAX) {
		*ret = volatile_bits;
		return NULL;
	}
	err = graft_confined_get_body(all, func, &body);
	if (err)
		return err;
	// Until it is known, and so in circles, it is all that may be.
	all->clobbers_known[func] = true;
	all->clobbers[func] = volatile_bits;
	uint32_t found = 0;
	for (uint32_t i = 0; !err && i < graft_confined_count(body); i++) {
		const struct graft_ops *part;
		const struct graft_op *op = graft_confined_op(body, i, &part);
		bool reads = op->what == GRAFT_OP_CMP ||
			     op->what == GRAFT_OP_TEST ||
			     op->what == GRAFT_OP_PUSH || op->mem_write;
		found |= op->writes;
		if (op->first < 32 && !reads)
			found |= (uint32_t)1 << op->first;
		if (!(op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) ||
		    graft_confined_target(body, i) < graft_confined_count(body))
			continue;
		struct graft_callee callee = graft_op_callee(part, op);
		if (callee.func == GRAFT_NONE || callee.import)
			found |= volatile_bits;
		else
			err = collect_clobbers(all, callee.func, depth + 1,
					       &found);
	}
	all->clobbers[func] = found;
	*ret |= found;
	return err;
}

struct graft_error *
graft_confined_clobbers(struct graft_confined *all, uint32_t func,
			uint32_t *ret)
{
	*ret = 0;
	struct graft_error *err = collect_clobbers(all, func, 0, ret);
	*ret &= volatile_bits;
	return err;
}
