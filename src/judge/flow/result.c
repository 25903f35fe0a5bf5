// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/result.h"

#include "judge/flow/ways.h"

enum {
	/** Who put something into a register: an instruction, or one of these.
	 */
	NOBODY = UINT32_MAX - 1,
	SEVERAL = UINT32_MAX,
};

/** Who wrote %rax and %xmm0 last, if nobody read it since. */
struct fresh {
	uint32_t integer;
	uint32_t real;
};

static bool
keep(uint32_t *into, uint32_t from)
{
	uint32_t kept = *into == from ? from : SEVERAL;

	// What one way does not leave there is no result.
	if (*into == NOBODY || from == NOBODY)
		kept = NOBODY;
	bool changed = kept != *into;
	*into = kept;
	return changed;
}

static bool
merge(void *into, const void *from)
{
	struct fresh *a = into;
	const struct fresh *b = from;
	bool changed = keep(&a->integer, b->integer);

	changed |= keep(&a->real, b->real);
	return changed;
}

/** Say how wide the instruction that makes the result computes. A mask says
 * nothing: what is left of 64 bits fits into 32. */
static void
look_at_width(struct graft_result *found, const struct graft_ops *ops,
	      uint32_t writer)
{
	if (writer >= ops->count)
		return;
	const struct graft_op *op = &ops->ops[writer];
	bool computes = op->what == GRAFT_OP_ADD || op->what == GRAFT_OP_IMUL ||
			(op->what == GRAFT_OP_BITS && !op->has_imm) ||
			op->what == GRAFT_OP_SHIFT ||
			(op->what == GRAFT_OP_LEA && !op->has_ref);
	if (!computes)
		return;
	found->narrow |= op->dst_size == 4;
	found->wide |= op->dst_size == 8;
	found->writer = writer;
}

static void
step(void *context, const struct graft_ops *ops, uint32_t at, void *state)
{
	const struct graft_op *op = &ops->ops[at];
	struct graft_result *found = context;
	struct fresh *fresh = state;
	const uint32_t rax = 1U << GRAFT_REG_RAX;
	const uint32_t xmm0 = 1U << GRAFT_REG_XMM0;

	if (op->flags & GRAFT_INSN_RET) {
		found->integer |= fresh->integer != NOBODY;
		found->real |= fresh->real != NOBODY;
		look_at_width(found, ops, fresh->integer);
		if (fresh->real < ops->count)
			found->real_writer = fresh->real;
		return;
	}
	if (op->flags & GRAFT_INSN_CALL) {
		*fresh = (struct fresh){ NOBODY, NOBODY };
		return;
	}
	if (op->what == GRAFT_OP_NOP)
		return;
	if (op->reads & rax)
		fresh->integer = NOBODY;
	if (op->reads & xmm0)
		fresh->real = NOBODY;
	if (op->writes & rax)
		fresh->integer = at;
	if (op->writes & xmm0)
		fresh->real = at;
}

struct graft_error *
graft_result_read(const struct graft_ops *ops, struct graft_result *ret)
{
	struct fresh entry = { NOBODY, NOBODY };
	struct graft_result found = { .writer = UINT32_MAX,
				      .real_writer = UINT32_MAX };
	struct graft_error *err = graft_ways_follow(ops, sizeof(entry), &entry,
						    step, merge, &found);

	if (!err)
		*ret = found;
	return err;
}
