// SPDX-License-Identifier: Apache-2.0

#include "base/cleanup.h"
#include "base/vec.h"
#include "judge/flow/op.h"
#include "judge/flow/op_decode.h"

#include <stdlib.h>

/** Find how far an instruction moves a pointer that it keeps: `add $imm`. */
static bool
moves_pointer(const struct graft_op *op, int64_t *by_ret)
{
	if (op->dst >= 16 || op->dst_size != 8)
		return false;
	if (op->what == GRAFT_OP_LEA && op->base == op->dst &&
	    op->index == GRAFT_REG_NONE) {
		*by_ret = op->disp;
		return true;
	}
	if (op->what != GRAFT_OP_ADD || !op->has_imm || op->has_mem)
		return false;
	*by_ret = op->mnemonic == ZYDIS_MNEMONIC_SUB ? -op->imm : op->imm;
	return true;
}

/** Say whether nothing goes on to an instruction from the one in front of it: that, or
 * what stands in front of padding, ends a way. */
static bool
is_not_fallen_into(const struct graft_ops *ops, uint32_t first, uint32_t i)
{
	while (i > first + 1 && ops->ops[i - 1].what == GRAFT_OP_NOP)
		i--;
	return i > first && ops->ops[i - 1].ends;
}

/** How far pointers were moved, each register. */
struct moved {
	int64_t by[16];
};

/** Follow pointers over one instruction, and fill its graft_op::reach. */
static void
step_reach(struct graft_op *op, struct moved *moved)
{
	int64_t by;

	op->reach = op->disp;
	if (op->has_mem && op->base < 16)
		op->reach = (int64_t)((uint64_t)op->disp +
				      (uint64_t)moved->by[op->base]);
	if (moves_pointer(op, &by)) {
		moved->by[op->dst] =
			(int64_t)((uint64_t)moved->by[op->dst] + (uint64_t)by);
		return;
	}
	for (uint8_t r = 0; r < 16; r++) {
		bool call = (op->flags & GRAFT_INSN_CALL) &&
			    graft_reg_is_volatile(r);
		if (call || (op->writes & (1U << r)))
			moved->by[r] = 0;
	}
}

struct graft_error *
graft_ops_find_reaches(struct graft_ops *ops, const struct graft_func *f,
		       uint32_t first)
{
	size_t room = (size_t)(ops->count - first) + 1;
	GRAFT_FREE uint32_t *came_from = calloc(room, sizeof(*came_from));
	GRAFT_FREE struct moved *kept = NULL;
	size_t cap = 0;
	uint32_t count = 0;
	struct moved moved = { 0 };

	if (!came_from)
		return graft_error_no_memory();
	for (uint32_t i = first; i < ops->count; i++) {
		struct graft_op *op = &ops->ops[i];
		uint32_t came = came_from[i - first];
		if (is_not_fallen_into(ops, first, i))
			moved = came ? kept[came - 1] : (struct moved){ 0 };
		step_reach(op, &moved);
		if (op->target <= op->addr)
			continue;
		uint32_t insn = graft_code_insn_at(ops->code, f, op->target);
		uint32_t to = insn - f->first_insn + first;
		if (insn == GRAFT_NONE || to <= i || to >= ops->count ||
		    !is_not_fallen_into(ops, first, to) ||
		    came_from[to - first])
			continue;
		struct graft_error *err = graft_vec_reserve(
			&kept, &cap, (size_t)count + 1, sizeof(*kept));
		if (err)
			return err;
		kept[count++] = moved;
		came_from[to - first] = count;
	}
	return NULL;
}
