// SPDX-License-Identifier: Apache-2.0

#include "judge/confined/search.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum {
	/** Calls that are looked at, again and again, until nothing is new. */
	LOOKS_MAX = 4000,
	/** Instructions of a function that is looked at, and of all calls. */
	BODY_MAX = 6000,
	SUM_MAX = 60000,
};

/** What is known where a function is entered. */
static struct graft_confined_state
entry_of(const struct graft_confined_call *call)
{
	struct graft_confined_state entry = { 0 };

	entry.regs[GRAFT_REG_RSP].kind = GRAFT_CONFINED_STACK;
	for (int i = 0; i < GRAFT_CONFINED_ARGUMENTS; i++)
		entry.regs[graft_confined_arguments[i]] = call->arguments[i];
	return entry;
}

/** What no way reaches may do anything: only what nobody runs does nothing. */
static void
check_unseen(struct graft_confined_run *run, uint32_t at)
{
	const struct graft_ops *part;
	const struct graft_op *op = graft_confined_op(run->body, at, &part);

	run->addr = op->addr;
	if (op->what != GRAFT_OP_NOP)
		graft_confined_fail(run, "no way leads to some code");
}

/** Look at one call. */
static struct graft_error *
look(struct graft_confined_run *run)
{
	struct graft_confined *all = run->all;
	struct graft_confined_state entry = entry_of(&all->calls[run->call]);
	GRAFT_FREE struct graft_confined_state *states = NULL;
	GRAFT_FREE bool *seen = NULL;
	uint32_t func = all->calls[run->call].func;

	run->addr = all->q->code->funcs[func].addr;
	run->body = graft_confined_get_body(run, func);
	if (run->err)
		return run->err;
	uint32_t count = graft_confined_count(run->body);
	if (!all->calls[run->call].states)
		all->sum += count;
	if (count > BODY_MAX || count == 0 || all->sum > SUM_MAX) {
		graft_confined_fail(run, "there is too much code");
		return NULL;
	}
	struct graft_confined_ways ways = { graft_confined_step,
					    graft_confined_lose, run };
	struct graft_error *err = graft_confined_follow(run->body, &entry,
							&ways, &states, &seen);
	if (!err)
		err = run->err;
	for (uint32_t i = 0; !err && i < count; i++) {
		if (!seen[i])
			check_unseen(run, i);
	}
	if (err)
		return err;
	struct graft_confined_call *call = &all->calls[run->call];
	free(call->states);
	free(call->seen);
	call->states = GRAFT_TAKE(states);
	call->seen = GRAFT_TAKE(seen);
	return NULL;
}

/** Look at all calls until nothing is new. */
static struct graft_error *
search(struct graft_confined *all)
{
	struct graft_error *err = NULL;
	size_t looks = 0;

	for (size_t i = 0; !err && i < all->call_count && !all->fault; i++) {
		struct graft_confined_run run = { .all = all, .call = i };
		if (!all->calls[i].waits)
			continue;
		all->calls[i].waits = false;
		err = look(&run);
		if (looks++ > LOOKS_MAX)
			graft_confined_fail(&run, "there are too many calls");
		for (size_t k = 0; run.changed && k < all->call_count; k++)
			all->calls[k].waits = true;
		if (run.changed)
			i = SIZE_MAX;
	}
	return err;
}

/** Enter all that anybody may call. */
static struct graft_error *
enter_roots(struct graft_confined *all)
{
	struct graft_confined_value none[GRAFT_CONFINED_ARGUMENTS] = { 0 };
	struct graft_confined_run run = { .all = all };

	for (uint32_t i = 0; !run.err && i < all->q->code->func_count; i++) {
		bool open = all->q->closed[i] && all->q->graph->escapes[i];
		if (all->q->roots[i] || open)
			(void)graft_confined_enter(&run, i, none);
	}
	return run.err;
}

/** Find a word with the address of an object that somebody may reach by the
 * address of a variable. */
static void
check_words(struct graft_confined *all)
{
	struct graft_confined_run run = { .all = all };

	for (size_t i = 0; i < all->word_count; i++) {
		const struct graft_confined_range *word = &all->words[i];
		run.addr = all->q->code->funcs[word->func].addr;
		for (size_t k = 0; k < all->exposed_count; k++) {
			const struct graft_confined_range *range =
				&all->exposed[k];
			if (range->func == word->func &&
			    range->off < word->end && range->end > word->off)
				graft_confined_fail(
					&run,
					"a word that others may reach holds the address of an object");
		}
	}
}

struct graft_error *
graft_confined_make(const struct graft_confined_question *question,
		    struct graft_confined **ret)
{
	GRAFT_CLEANUP(graft_confined_freep)
	struct graft_confined *all = calloc(1, sizeof(*all));
	size_t room = question->code->func_count + 1;

	if (!all)
		return graft_error_no_memory();
	all->q = question;
	all->bodies = calloc(room, sizeof(struct graft_confined_body *));
	all->clobbers = calloc(room, sizeof(*all->clobbers));
	all->clobbers_known = calloc(room, sizeof(*all->clobbers_known));
	if (!all->bodies || !all->clobbers || !all->clobbers_known)
		return graft_error_no_memory();
	// Without relocations nobody can say whose address is in data.
	if (graft_image_type(question->code->image) != ET_DYN)
		all->fault = "the file does not say what addresses it has";
	struct graft_error *err = enter_roots(all);
	if (!err)
		err = search(all);
	if (err)
		return err;
	check_words(all);
	*ret = GRAFT_TAKE(all);
	return NULL;
}

void
graft_confined_free(struct graft_confined *confined)
{
	if (!confined)
		return;
	for (size_t i = 0;
	     confined->bodies && i < confined->q->code->func_count; i++)
		graft_confined_body_free(confined->bodies[i]);
	for (size_t i = 0; i < confined->call_count; i++) {
		free(confined->calls[i].states);
		free(confined->calls[i].seen);
	}
	free(confined->bodies);
	free(confined->clobbers);
	free(confined->clobbers_known);
	free(confined->calls);
	free(confined->words);
	free(confined->exposed);
	free(confined);
}

const char *
graft_confined_fault(const struct graft_confined *confined, uint64_t *addr_ret)
{
	*addr_ret = confined->fault_addr;
	return confined->fault;
}

bool
graft_confined_is_given(const struct graft_confined *confined, uint32_t func)
{
	bool any = false;

	for (size_t i = 0; i < confined->call_count; i++) {
		const struct graft_confined_call *call = &confined->calls[i];
		bool given = false;
		if (call->func != func)
			continue;
		for (int k = 0; k < GRAFT_CONFINED_ARGUMENTS; k++)
			given |= call->arguments[k].kind ==
				 GRAFT_CONFINED_OBJECT;
		if (!given)
			return false;
		any = true;
	}
	return any;
}
