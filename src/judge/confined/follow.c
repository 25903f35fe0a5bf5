// SPDX-License-Identifier: Apache-2.0

#include "judge/confined/body.h"

#include "diff/code/table.h"

#include <stdlib.h>
#include <string.h>

enum {
	/** Most bytes that a jump table has. */
	TABLE_MAX = 1 << 16,
};

/** All registers but those of vectors; those that a call may read. */
static const uint32_t general_bits = 0xffff;
static const uint32_t call_bits = 0x7d7;
/** rax, rdx, and what a function hands back as it got it. */
static const uint32_t return_bits = 0xf03d;

/** Following the ways through one body. */
struct walk {
	const struct graft_confined_body *body;
	const struct graft_confined_ways *ways;
	struct graft_confined_state *states;
	bool *seen;
	/** Instructions that wait, each at most once. */
	bool *waits;
	uint32_t *queue;
	size_t queued;
	/** General registers that are read before they are written, a bit each:
	 * what the others hold is of no use to anybody. */
	uint32_t *live;
	/** A jump table leads here. */
	bool *tabled;
	/** No way comes here but one that nobody knows. */
	bool *unknown;
	/** What holds where such a way may begin. */
	struct graft_confined_state *loose;
	bool is_loose;
	bool any_unknown;
};

/** Say what is read behind an instruction that leads nowhere else. */
static uint32_t
live_behind(const struct graft_op *op, bool leaves)
{
	if (op->flags & GRAFT_INSN_RET)
		return return_bits;
	return (op->flags & GRAFT_INSN_INDIRECT) || leaves ? general_bits : 0;
}

/** Find what is read behind an instruction. */
static uint32_t
find_live(const struct walk *walk, uint32_t at)
{
	const struct graft_confined_body *body = walk->body;
	const struct graft_ops *part;
	const struct graft_op *op = graft_confined_op(body, at, &part);
	uint32_t count = graft_confined_count(body);
	uint32_t target = graft_confined_target(body, at);
	bool jump = op->flags & GRAFT_INSN_JUMP;
	bool last = at + 1 == body->first[part - body->parts + 1];
	uint32_t live = op->flags & GRAFT_INSN_CALL
				? 0
				: live_behind(op, jump && target == count);

	if (jump && target < count)
		live |= walk->live[target];
	if (!last && !op->ends)
		live |= walk->live[at + 1];
	live &= ~op->writes;
	if (op->flags & GRAFT_INSN_CALL)
		live |= walk->any_unknown ? general_bits : call_bits;
	return live | (op->reads & general_bits);
}

/** Find which registers are read behind each instruction. What landing pads read
 * is read behind any call. */
static void
find_all_live(struct walk *walk)
{
	uint32_t count = graft_confined_count(walk->body);
	bool again = true;

	while (again) {
		again = false;
		for (uint32_t i = count; i-- > 0;) {
			uint32_t live = find_live(walk, i);
			again |= live != walk->live[i];
			walk->live[i] = live;
		}
	}
}

/** Drop what nobody reads. */
static void
drop_dead(const struct walk *walk, uint32_t at,
	  struct graft_confined_state *state)
{
	for (uint8_t r = 0; r < 16; r++) {
		bool dead = !(walk->live[at] & (1U << r));
		if (dead && r != GRAFT_REG_RSP && r != GRAFT_REG_RBP)
			state->regs[r] = graft_confined_nothing();
	}
}

static void
reach(struct walk *walk, uint32_t at, const struct graft_confined_state *known)
{
	struct graft_confined_state alive;
	const struct graft_confined_state *state = &alive;

	if (at >= graft_confined_count(walk->body))
		return;
	alive = *known;
	drop_dead(walk, at, &alive);
	if (!walk->seen[at])
		walk->states[at] = *state;
	else if (!graft_confined_merge(&walk->states[at], state,
				       walk->ways->lost, walk->ways->context))
		return;
	walk->seen[at] = true;
	if (walk->waits[at])
		return;
	walk->waits[at] = true;
	walk->queue[walk->queued++] = at;
}

/** Reach all instructions that are marked. */
static void
reach_marked(struct walk *walk, const bool *marks,
	     const struct graft_confined_state *state)
{
	uint32_t count = graft_confined_count(walk->body);

	for (uint32_t i = 0; i < count; i++) {
		if (marks[i])
			reach(walk, i, state);
	}
}

static void
ignore(void *context, const struct graft_confined_value *lost)
{
	(void)context;
	(void)lost;
}

/** Add to what holds at places from where control may go nobody knows where.
 * What is lost by that is told only if something is entered so. */
static void
loosen(struct walk *walk, const struct graft_confined_state *state)
{
	bool changed = !walk->is_loose;

	if (walk->is_loose)
		changed = graft_confined_merge(
			walk->loose, state,
			walk->any_unknown ? walk->ways->lost : ignore,
			walk->ways->context);
	else
		*walk->loose = *state;
	walk->is_loose = true;
	if (changed && walk->any_unknown)
		reach_marked(walk, walk->unknown, walk->loose);
}

static void
go_on(struct walk *walk, uint32_t at, const struct graft_confined_state *state)
{
	const struct graft_ops *part;
	const struct graft_op *op = graft_confined_op(walk->body, at, &part);
	uint32_t target = graft_confined_target(walk->body, at);
	bool last = at + 1 == walk->body->first[part - walk->body->parts + 1];

	if (op->flags & GRAFT_INSN_RET)
		return;
	if (op->flags & GRAFT_INSN_CALL)
		loosen(walk, state);
	if (op->flags & GRAFT_INSN_JUMP) {
		reach(walk, target, state);
		if ((op->flags & GRAFT_INSN_INDIRECT) && op->ends) {
			reach_marked(walk, walk->tabled, state);
			loosen(walk, state);
		}
		if (op->ends)
			return;
	}
	// Behind the last one stands another function: a call did not return.
	if (!last)
		reach(walk, at + 1, state);
}

/** Enter the first instruction that no way reached. */
static bool
reach_unseen(struct walk *walk)
{
	uint32_t count = graft_confined_count(walk->body);
	const struct graft_ops *part;

	for (uint32_t i = 0; walk->is_loose && i < count; i++) {
		if (walk->seen[i] ||
		    graft_confined_op(walk->body, i, &part)->what ==
			    GRAFT_OP_NOP)
			continue;
		// What both ways of a merge so far lost, this one loses too.
		walk->unknown[i] = true;
		walk->any_unknown = true;
		reach(walk, i, walk->loose);
		return true;
	}
	return false;
}

/** Mark where the jump tables of a part lead. */
static void
mark_tables(struct walk *walk, const struct graft_ops *part)
{
	const struct graft_confined_body *body = walk->body;
	const struct graft_func *func = &body->code->funcs[part->func];

	for (uint32_t i = 0; i < func->ref_count; i++) {
		const struct graft_ref *ref =
			&body->code->refs[func->first_ref + i];
		uint32_t count =
			ref->kind == GRAFT_REF_ADDRESS
				? graft_table_count(body->code, part->func,
						    ref->target, TABLE_MAX)
				: 0;
		for (uint32_t k = 0; k < count; k++) {
			uint64_t to = graft_table_target(body->code,
							 ref->target, k);
			uint32_t at = graft_confined_at(body, to);
			if (at < graft_confined_count(body))
				walk->tabled[at] = true;
		}
	}
}

static void
run(struct walk *walk, struct graft_confined_state *state)
{
	do {
		while (walk->queued) {
			uint32_t at = walk->queue[--walk->queued];
			walk->waits[at] = false;
			*state = walk->states[at];
			walk->ways->step(walk->ways->context, walk->body, at,
					 state);
			go_on(walk, at, state);
		}
	} while (reach_unseen(walk));
}

struct graft_error *
graft_confined_follow(const struct graft_confined_body *body,
		      const struct graft_confined_state *entry,
		      const struct graft_confined_ways *ways,
		      struct graft_confined_state **states_ret, bool **seen_ret)
{
	size_t room = (size_t)graft_confined_count(body) + 1;
	GRAFT_FREE struct graft_confined_state *states =
		calloc(room + 2, sizeof(*states));
	GRAFT_FREE bool *seen = calloc(room, sizeof(*seen));
	GRAFT_FREE bool *waits = calloc(room, sizeof(*waits));
	GRAFT_FREE uint32_t *live = calloc(room, sizeof(*live));
	GRAFT_FREE bool *tabled = calloc(room, sizeof(*tabled));
	GRAFT_FREE bool *unknown = calloc(room, sizeof(*unknown));
	GRAFT_FREE uint32_t *queue = calloc(room, sizeof(*queue));

	if (!states || !seen || !waits || !queue || !live || !tabled ||
	    !unknown)
		return graft_error_no_memory();
	struct walk walk = {
		.body = body,
		.ways = ways,
		.states = states,
		.seen = seen,
		.waits = waits,
		.queue = queue,
		.live = live,
		.tabled = tabled,
		.unknown = unknown,
		.loose = &states[room],
	};
	for (size_t i = 0; i < body->part_count; i++)
		mark_tables(&walk, &body->parts[i]);
	find_all_live(&walk);
	reach(&walk, 0, entry);
	run(&walk, &states[room + 1]);
	// What was lost before it was known that it matters, is told now.
	if (walk.any_unknown) {
		memset(seen, 0, room * sizeof(*seen));
		memset(unknown, 0, room * sizeof(*unknown));
		walk.is_loose = false;
		find_all_live(&walk);
		reach(&walk, 0, entry);
		run(&walk, &states[room + 1]);
	}
	*states_ret = GRAFT_TAKE(states);
	*seen_ret = GRAFT_TAKE(seen);
	return NULL;
}
