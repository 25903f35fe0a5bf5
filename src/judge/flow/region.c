// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/region.h"

#include "base/cleanup.h"

#include <stdlib.h>

/** A look at what is reached. */
struct look {
	const struct graft_ops *ops;
	/** No way goes by it. */
	struct graft_step without;
	/** No way goes over these; or NULL. */
	const bool *barred;
	bool *seen;
	uint32_t *queue;
	size_t queued;
	/** An indirect jump was reached. */
	bool jumps;
};

static void
look_deinit(struct look *look)
{
	free(look->seen);
	free(look->queue);
}

GRAFT_MUST_CHECK static struct graft_error *
look_init(const struct graft_ops *ops, struct look *ret)
{
	*ret = (struct look){ .ops = ops,
			      .without = { ops->count, ops->count } };
	ret->seen = calloc((size_t)ops->count + 1, sizeof(*ret->seen));
	ret->queue = calloc((size_t)ops->count + 1, sizeof(*ret->queue));
	return ret->seen && ret->queue ? NULL : graft_error_no_memory();
}

static void
reach(struct look *look, uint32_t from, uint32_t to)
{
	if (to >= look->ops->count || look->seen[to] ||
	    (from == look->without.from && to == look->without.to) ||
	    (look->barred && look->barred[to]))
		return;
	look->seen[to] = true;
	look->queue[look->queued++] = to;
}

static void
look_from(struct look *look, uint32_t start)
{
	const struct graft_ops *ops = look->ops;

	reach(look, ops->count, start);
	while (look->queued) {
		uint32_t at = look->queue[--look->queued];
		const struct graft_op *op = &ops->ops[at];
		if (op->flags & GRAFT_INSN_RET)
			continue;
		if (op->flags & GRAFT_INSN_JUMP) {
			if (op->target)
				reach(look, at, graft_op_at(ops, op->target));
			else
				look->jumps |= (op->flags &
						GRAFT_INSN_INDIRECT) != 0;
			if (op->ends)
				continue;
		}
		reach(look, at, at + 1);
	}
}

struct graft_error *
graft_region_mark(const struct graft_ops *ops, struct graft_step by,
		  bool *marks)
{
	GRAFT_CLEANUP(look_deinit) struct look inside = { 0 };
	GRAFT_CLEANUP(look_deinit) struct look others = { 0 };
	struct graft_error *err = look_init(ops, &inside);

	if (!err)
		err = look_init(ops, &others);
	if (err)
		return err;
	look_from(&inside, by.to);
	others.without = by;
	look_from(&others, 0);
	for (uint32_t i = 0; others.jumps && i < ops->count; i++) {
		if (!inside.seen[i])
			look_from(&others, i);
	}
	for (uint32_t i = 0; i < ops->count; i++)
		marks[i] |= inside.seen[i] && !others.seen[i];
	return NULL;
}

struct graft_error *
graft_region_reach(const struct graft_ops *ops, uint32_t from,
		   const bool *barred, bool *marks)
{
	GRAFT_CLEANUP(look_deinit) struct look look = { 0 };
	struct graft_error *err = look_init(ops, &look);

	if (err)
		return err;
	look.barred = barred;
	look_from(&look, from);
	for (uint32_t i = 0; i < ops->count; i++)
		marks[i] |= look.seen[i];
	return NULL;
}
