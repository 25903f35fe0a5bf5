// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/result_use.h"

#include "judge/flow/allocator.h"
#include "judge/flow/op.h"

enum {
	/** Instructions behind a call in which its result is stored. */
	STORED_MAX = 8,
	/** Instructions of one way on which it may become a size. */
	SIZE_MAX_AHEAD = 48,
	/** Ways that are followed. */
	WAYS = 12,
	/** Words of the frame that hold it at once. */
	SLOTS = 8,
	/** Functions that return it one to the other, and all their callers
	 * that are looked at. */
	DEPTH = 3,
	CALLERS_MAX = 4096,
};

/** A word of the frame. */
struct slot {
	uint8_t base;
	int64_t disp;
};

/** Who holds the result, or what was computed from it, in front of an
 * instruction. */
struct holders {
	uint32_t at;
	/** Registers: a bit each. */
	uint32_t regs;
	struct slot slots[SLOTS];
	size_t slot_count;
};

/** Let an instruction copy what some registers hold; a bit each. */
static uint32_t
holds_behind(const struct graft_op *op, uint32_t holds)
{
	bool copy = op->what == GRAFT_OP_MOV && !op->mem_read &&
		    !op->mem_write && op->src < 16 && op->dst < 16 &&
		    (holds & (1U << op->src));

	// What a part of was written is another value.
	holds &= ~((uint32_t)op->writes | op->low_writes);
	return copy ? holds | 1U << op->dst : holds;
}

/** Say whether the result of a call is stored right behind it. */
static bool
is_stored(const struct graft_ops *ops, uint32_t call)
{
	uint32_t holds = 1U << GRAFT_REG_RAX;

	for (uint32_t i = call + 1;
	     holds && i < ops->count && i <= call + STORED_MAX; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (graft_op_stores_out(ops, op) && (holds & (1U << op->src)))
			return true;
		if ((op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_RET)) ||
		    op->ends)
			return false;
		holds = holds_behind(op, holds);
	}
	return false;
}

/** Say whether a call or a jump that leaves is an allocation whose size is in
 * one of a set of registers. */
static struct graft_error *
is_size_of(const struct graft_ops *ops, const struct graft_op *op,
	   uint32_t holds, bool *ret)
{
	struct graft_sizing sizing;
	struct graft_error *err = graft_sizing_of_call(ops, op, &sizing);

	*ret = false;
	if (err || sizing.fills || sizing.guess)
		return err;
	for (int i = 0; i < GRAFT_SIZE_ARGUMENTS; i++)
		*ret |= (sizing.sizes & (1 << i)) &&
			(holds & (1U << graft_argument_reg(i)));
	return NULL;
}

static struct slot *
find_slot(struct holders *holders, const struct graft_op *op)
{
	for (size_t i = 0; i < holders->slot_count; i++) {
		struct slot *slot = &holders->slots[i];
		if (slot->base == op->base && slot->disp == op->disp)
			return slot;
	}
	return NULL;
}

/** Let an instruction write a word of the frame. */
static void
write_slot(struct holders *holders, const struct graft_op *op)
{
	struct slot *slot = find_slot(holders, op);
	bool held = op->src < 16 && (holders->regs & (1U << op->src));

	// What is added to a word in place is computed from it, too.
	if (op->what != GRAFT_OP_MOV)
		held |= slot != NULL;
	if (held && !slot && holders->slot_count < SLOTS)
		holders->slots[holders->slot_count++] = (struct slot){
			.base = op->base,
			.disp = op->disp,
		};
	else if (!held && slot)
		*slot = holders->slots[--holders->slot_count];
}

/** Let an instruction move and compute. */
static void
step(const struct graft_ops *ops, const struct graft_op *op,
     struct holders *holders)
{
	bool frame = op->has_mem && graft_op_in_frame(ops, op);
	// What is loaded by a pointer is not computed from the pointer.
	bool loads = op->mem_read && !frame;
	bool from = !loads && op->what != GRAFT_OP_ZERO &&
		    (op->reads & holders->regs & 0xffff);

	if (frame && op->mem_read && op->what != GRAFT_OP_LEA)
		from |= find_slot(holders, op) != NULL;
	if (frame && op->mem_write)
		write_slot(holders, op);
	uint32_t writes = op->writes & 0xffff;
	// Which other registers a callee leaves alone is for the caller to know
	// (-fipa-ra): it reads none that is destroyed.
	if (op->flags & GRAFT_INSN_CALL) {
		from = false;
		writes |= 1U << GRAFT_REG_RAX;
	}
	holders->regs = from ? holders->regs | writes : holders->regs & ~writes;
	// A copy that may not happen is in no set of what is written.
	if (from && op->what == GRAFT_OP_CMOV && op->dst < 16)
		holders->regs |= 1U << op->dst;
}

/** Follow one way; others that begin on it are added. */
static struct graft_error *
follow(const struct graft_ops *ops, struct holders *ways, size_t way,
       size_t *way_count, bool *size_ret, bool *returned_ret)
{
	struct holders *now = &ways[way];

	for (int n = 0; n < SIZE_MAX_AHEAD && now->at < ops->count; n++) {
		const struct graft_op *op = &ops->ops[now->at];
		bool jumps = (op->flags & GRAFT_INSN_JUMP) != 0;
		bool inside = (op->flags & GRAFT_INSN_INTERNAL) != 0;
		if ((jumps && !inside) || (op->flags & GRAFT_INSN_CALL)) {
			struct graft_error *err = is_size_of(ops, op, now->regs,
							     size_ret);
			if (err || *size_ret)
				return err;
		}
		if (op->flags & GRAFT_INSN_RET)
			*returned_ret |= now->regs & (1U << GRAFT_REG_RAX);
		step(ops, op, now);
		if (!now->regs && !now->slot_count)
			return NULL;
		uint32_t target = jumps && inside ? graft_op_at(ops, op->target)
						  : 0;
		if (op->ends && !(jumps && inside))
			return NULL;
		if (jumps && inside && !op->ends && *way_count < WAYS) {
			ways[*way_count] = *now;
			ways[(*way_count)++].at = target;
		}
		now->at = op->ends ? target : now->at + 1;
	}
	return NULL;
}

/** Say whether the result of a call becomes the size of an allocation, and
 * whether the caller returns it. */
static struct graft_error *
becomes_size(const struct graft_ops *ops, uint32_t call, bool *size_ret,
	     bool *returned_ret)
{
	struct holders ways[WAYS] = {
		{ .at = call + 1, .regs = 1U << GRAFT_REG_RAX },
	};
	size_t count = 1;
	struct graft_error *err = NULL;

	*size_ret = false;
	*returned_ret = ops->ops[call].ends;
	for (size_t i = 0;
	     !err && !*size_ret && !ops->ops[call].ends && i < count; i++)
		err = follow(ops, ways, i, &count, size_ret, returned_ret);
	return err;
}

/** What is looked for, and what was found. */
struct search {
	const struct graft_graph *graph;
	bool may_be_size;
	/** Callers of functions that return it on that may be looked at still. */
	uint32_t left;
	struct graft_result_use *use;
};

/** Look at one caller. */
static struct graft_error *
look_at(struct search *search, const struct graft_edge *edge, bool direct,
	bool *returned_ret)
{
	const struct graft_code *code = search->graph->code;
	uint32_t call = edge->insn - code->funcs[edge->caller].first_insn;
	bool size = false;
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct graft_error *err = graft_ops_read(code, edge->caller, &ops);

	*returned_ret = false;
	if (!err && search->may_be_size)
		err = becomes_size(&ops, call, &size, returned_ret);
	if (!err && (size || (direct && is_stored(&ops, call))))
		*search->use = (struct graft_result_use){
			.caller = edge->caller,
			.size = size,
		};
	return err;
}

static struct graft_error *
find_use(struct search *search, uint32_t func, unsigned depth)
{
	const struct graft_graph *graph = search->graph;
	bool direct = depth == DEPTH;
	struct graft_error *err = NULL;

	for (size_t i = graph->first[func];
	     !err && search->use->caller == GRAFT_NONE &&
	     i < graph->first[func + 1];
	     i++) {
		const struct graft_edge *edge = &graph->edges[i];
		bool returned;
		if (edge->taken || (!direct && search->left == 0))
			continue;
		search->left -= !direct;
		err = look_at(search, edge, direct, &returned);
		if (!err && search->use->caller == GRAFT_NONE && returned &&
		    depth && edge->caller != func)
			err = find_use(search, edge->caller, depth - 1);
	}
	return err;
}

struct graft_error *
graft_use_of_result(const struct graft_graph *graph, uint32_t func,
		    bool may_be_size, struct graft_result_use *ret)
{
	struct search search = {
		.graph = graph,
		.may_be_size = may_be_size,
		.left = CALLERS_MAX,
		.use = ret,
	};

	*ret = (struct graft_result_use){ .caller = GRAFT_NONE };
	return find_use(&search, func, DEPTH);
}
