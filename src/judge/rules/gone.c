// SPDX-License-Identifier: Apache-2.0

#include "judge/rules/gone.h"

#include "judge/flow/calls.h"
#include "judge/flow/halves.h"
#include "judge/flow/values.h"

#include <stdlib.h>

enum {
	/** Instructions behind an end in which its place is set anew. */
	AHEAD_MAX = 24,
};

/** What is known before each instruction of a function. */
struct graft_gone_seen {
	/** The base of its memory operand. */
	struct graft_value base;
	/** The first argument, if it is a call. */
	struct graft_value argument;
};

static void
see(void *context, const struct graft_ops *ops, uint32_t at,
    const struct graft_values *values)
{
	struct graft_gone_seen *seen = context;
	const struct graft_op *op = &ops->ops[at];

	seen[at] = (struct graft_gone_seen){ 0 };
	if (op->has_mem && op->base < 16)
		seen[at].base = graft_value_of_reg(values, op->base);
	seen[at].argument = graft_value_of_reg(values, GRAFT_REG_RDI);
}

/** Say whether two pointers are the same one. */
static bool
is_same_pointer(struct graft_value a, struct graft_value b)
{
	return a.root && graft_value_is_something(a) &&
	       graft_value_is_same(a, b);
}

/** Say whether a store puts 0 there. */
static bool
stores_zero(const struct graft_ops *ops, uint32_t at)
{
	const struct graft_op *op = &ops->ops[at];
	int64_t value = -1;

	return op->has_imm ? op->imm == 0
			   : op->src >= 16 ||
				     (graft_op_find_constant(ops, at, op->src,
							     &value) &&
				      value == 0);
}

/** What is looked at. */
struct scene {
	const struct graft_case *c;
	const struct graft_ops *ops;
	const struct graft_gone_seen *seen;
	const struct graft_gone *gone;
};

/** Say whether an instruction sets the member anew. */
static bool
sets_anew(const struct scene *scene, uint32_t at)
{
	const struct graft_ops *ops = scene->ops;
	const struct graft_op *op = &ops->ops[at];
	struct graft_kept_at place;

	if (op->what != GRAFT_OP_MOV || !op->mem_write ||
	    op->mem_size != ops->ops[scene->gone->load].mem_size ||
	    !graft_kept_at_find(scene->c, ops, op, &place) ||
	    !graft_kept_at_is_same(&place, &scene->gone->at) ||
	    (!place.named &&
	     !is_same_pointer(scene->seen[scene->gone->load].base,
			      scene->seen[at].base)))
		return false;
	return !scene->gone->zero_is_something || !stores_zero(ops, at);
}

/** Say whether an instruction ends the object itself, so that nobody will look for
 * what it pointed to. */
static bool
ends_object(const struct scene *scene, uint32_t at)
{
	const char *name = graft_name_called(scene->ops, &scene->ops->ops[at]);

	return name && !scene->gone->at.named && at != scene->gone->call &&
	       graft_calls_kind_of(name).role == GRAFT_CALLS_END &&
	       is_same_pointer(scene->seen[scene->gone->load].base,
			       scene->seen[at].argument);
}

struct graft_error *
graft_gone_follow(const struct graft_case *c, const struct graft_ops *ops,
		  struct graft_gone_seen **seen)
{
	struct graft_values_reader reader = { .c = c, .see = see };

	if (*seen)
		return NULL;
	*seen = calloc((size_t)ops->count + 1, sizeof(**seen));
	if (!*seen)
		return graft_error_no_memory();
	reader.context = *seen;
	return graft_values_follow_short(&reader, ops);
}

bool
graft_gone_is(const struct graft_case *c, const struct graft_ops *ops,
	      const struct graft_gone_seen *seen, const struct graft_gone *gone)
{
	const struct scene scene = { c, ops, seen, gone };
	uint32_t i = gone->load + 1;

	for (uint32_t step = 0; step < AHEAD_MAX && i < ops->count; step++) {
		const struct graft_op *op = &ops->ops[i];
		bool behind = i < gone->load || i >= gone->call;
		if (ends_object(&scene, i) || sets_anew(&scene, i))
			return true;
		bool jumps = (op->flags & GRAFT_INSN_JUMP) || op->ends;
		if (behind && jumps && !(op->ends && op->target))
			return false;
		i = behind && jumps ? graft_op_at(ops, op->target) : i + 1;
	}
	return false;
}
