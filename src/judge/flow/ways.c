// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/ways.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

/** Following the ways through one function. */
struct ways {
	const struct graft_ops *ops;
	size_t size;
	graft_ways_merge_fn *merge;
	/** One state per instruction, what is known before it; and one more,
	 * what indirect jumps know. */
	uint8_t *states;
	bool *seen;
	/** Instructions that wait, each at most once. */
	bool *waits;
	uint32_t *queue;
	size_t queued;
	/** Some indirect jump was followed. */
	bool jumps;
};

static uint8_t *
state_at(const struct ways *ways, uint32_t at)
{
	return ways->states + (size_t)at * ways->size;
}

static void
reach(struct ways *ways, uint32_t at, const void *state)
{
	if (at >= ways->ops->count)
		return;
	if (!ways->seen[at])
		memcpy(state_at(ways, at), state, ways->size);
	else if (!ways->merge(state_at(ways, at), state))
		return;
	ways->seen[at] = true;
	if (ways->waits[at])
		return;
	ways->waits[at] = true;
	ways->queue[ways->queued++] = at;
}

/** Note what is known where nobody knows to where it goes. */
static void
leave_by_table(struct ways *ways, const void *state)
{
	uint8_t *known = state_at(ways, ways->ops->count);

	if (ways->jumps)
		(void)ways->merge(known, state);
	else
		memcpy(known, state, ways->size);
	ways->jumps = true;
}

static void
go_on(struct ways *ways, uint32_t at, const void *state)
{
	const struct graft_op *op = &ways->ops->ops[at];

	if (op->flags & GRAFT_INSN_RET)
		return;
	if (op->flags & GRAFT_INSN_JUMP) {
		if (op->target)
			reach(ways, graft_op_at(ways->ops, op->target), state);
		else if (op->flags & GRAFT_INSN_INDIRECT)
			leave_by_table(ways, state);
		if (op->ends)
			return;
	}
	reach(ways, at + 1, state);
}

/** Enter the first instruction that no way reached from an indirect jump. */
static bool
reach_unseen(struct ways *ways)
{
	for (uint32_t i = 0; ways->jumps && i < ways->ops->count; i++) {
		if (ways->seen[i] || ways->ops->ops[i].what == GRAFT_OP_NOP)
			continue;
		reach(ways, i, state_at(ways, ways->ops->count));
		return true;
	}
	return false;
}

struct graft_error *
graft_ways_follow(const struct graft_ops *ops, size_t size, const void *entry,
		  graft_ways_step_fn *step, graft_ways_merge_fn *merge,
		  void *context)
{
	size_t room = (size_t)ops->count + 1;
	GRAFT_FREE uint8_t *states = calloc(room + 1, size);
	GRAFT_FREE bool *seen = calloc(room, sizeof(*seen));
	GRAFT_FREE bool *waits = calloc(room, sizeof(*waits));
	GRAFT_FREE uint32_t *queue = calloc(room, sizeof(*queue));

	if (!states || !seen || !waits || !queue)
		return graft_error_no_memory();
	struct ways ways = {
		.ops = ops,
		.size = size,
		.merge = merge,
		.states = states,
		.seen = seen,
		.waits = waits,
		.queue = queue,
	};
	uint8_t *state = states + room * size;
	reach(&ways, 0, entry);
	do {
		while (ways.queued) {
			uint32_t at = ways.queue[--ways.queued];
			ways.waits[at] = false;
			memcpy(state, state_at(&ways, at), size);
			step(context, ops, at, state);
			go_on(&ways, at, state);
		}
	} while (reach_unseen(&ways));
	return NULL;
}
