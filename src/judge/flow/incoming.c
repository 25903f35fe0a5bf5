// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/incoming.h"

#include "base/cleanup.h"
#include "judge/flow/ways.h"

enum {
	/** Jumps of jumps that are followed. */
	DEPTH_MAX = 3,
	/** Largest distance from the entry's stack pointer that is followed. */
	FAR = 1 << 24,
};

/** Where the registers point to, from the stack pointer at the entry. */
struct places {
	int32_t off[16];
	/** A bit for each register of which it is known. */
	uint16_t known;
};

/** What is found on the ways. */
struct search {
	uint64_t reads;
	/** Words that are written before anything reads them. */
	uint64_t written;
	/** Function that is jumped to with the stack as it came, or _NONE. */
	uint32_t next;
	/** Such a jump to what is not seen. */
	bool leaves;
};

static bool
merge(void *into, const void *from)
{
	struct places *a = into;
	const struct places *b = from;
	uint16_t known = a->known;

	for (uint8_t r = 0; r < 16; r++) {
		if (!(b->known & (1U << r)) || a->off[r] != b->off[r])
			known &= (uint16_t) ~(1U << r);
	}
	bool changed = known != a->known;
	a->known = known;
	return changed;
}

static void
put(struct places *places, uint8_t reg, bool known, int64_t off)
{
	if (reg >= 16)
		return;
	places->known &= (uint16_t) ~(1U << reg);
	if (!known || off > FAR || off < -FAR)
		return;
	places->known |= (uint16_t)(1U << reg);
	places->off[reg] = (int32_t)off;
}

static bool
get(const struct places *places, uint8_t reg, int64_t *ret)
{
	if (reg >= 16 || !(places->known & (1U << reg)))
		return false;
	*ret = places->off[reg];
	return true;
}

/** Note a use of the arguments on the stack. */
static void
look(struct search *search, const struct graft_op *op,
     const struct places *places)
{
	int64_t base;

	if (!op->has_mem || op->what == GRAFT_OP_NOP ||
	    op->index != GRAFT_REG_NONE || !get(places, op->base, &base))
		return;
	int64_t at = base + op->disp - 8;
	if (at < 0 || at >= (int64_t)GRAFT_INCOMING_MAX * 8)
		return;
	uint64_t bit = (uint64_t)1 << (at / 8);
	// The stack pointer moves up when the frame ends; %r10 remembers where
	// the arguments are when the frame is aligned anew.
	bool address = op->what == GRAFT_OP_LEA && op->dst != GRAFT_REG_RSP &&
		       op->dst != GRAFT_REG_R10;
	if (op->what == GRAFT_OP_LEA && !address)
		return;
	if (op->mem_read || address)
		search->reads |= bit & ~search->written;
	else if (op->mem_write)
		search->written |= bit & ~search->reads;
}

/** Note a jump that hands the arguments on. */
static void
look_at_jump(struct search *search, const struct graft_ops *ops,
	     const struct graft_op *op, const struct places *places)
{
	int64_t height;

	if (!(op->flags & GRAFT_INSN_JUMP) ||
	    (op->flags & GRAFT_INSN_INTERNAL) || op->target ||
	    !get(places, GRAFT_REG_RSP, &height) || height != 0)
		return;
	struct graft_callee callee = graft_op_callee(ops, op);
	if (callee.func != GRAFT_NONE && search->next == GRAFT_NONE)
		search->next = callee.func;
	else if (callee.func != search->next || callee.func == GRAFT_NONE)
		search->leaves = true;
}

/** Move the places as an instruction does. */
static void
move(const struct graft_op *op, struct places *places)
{
	int64_t off = 0;
	uint32_t writes = op->writes;
	bool known = false;
	bool wide = op->dst_size == 8;

	if (op->what == GRAFT_OP_PUSH || op->what == GRAFT_OP_POP) {
		known = get(places, GRAFT_REG_RSP, &off);
		off += op->what == GRAFT_OP_PUSH ? -8 : 8;
		if (op->what == GRAFT_OP_POP)
			put(places, op->dst, false, 0);
		put(places, GRAFT_REG_RSP, known, off);
		return;
	}
	if (op->is_leave) {
		known = get(places, GRAFT_REG_RBP, &off);
		put(places, GRAFT_REG_RBP, false, 0);
		put(places, GRAFT_REG_RSP, known, off + 8);
		return;
	}
	if (op->flags & GRAFT_INSN_CALL) {
		for (uint8_t r = 0; r < 16; r++) {
			if (graft_reg_is_volatile(r))
				put(places, r, false, 0);
		}
		return;
	}
	if (op->what == GRAFT_OP_MOV && !op->has_mem && !op->has_imm && wide)
		known = get(places, op->src, &off);
	else if (op->what == GRAFT_OP_LEA && wide &&
		 op->index == GRAFT_REG_NONE) {
		known = get(places, op->base, &off);
		off += op->disp;
	} else if (op->what == GRAFT_OP_ADD && op->has_imm && !op->has_mem &&
		   wide) {
		known = get(places, op->dst, &off);
		off += op->subtracts ? -op->imm : op->imm;
	}
	for (uint8_t r = 0; r < 16; r++) {
		if (r != op->dst && (writes & (1U << r)))
			put(places, r, false, 0);
	}
	if (op->dst < 16)
		put(places, op->dst, known, off);
}

static void
step(void *context, const struct graft_ops *ops, uint32_t at, void *state)
{
	const struct graft_op *op = &ops->ops[at];

	look(context, op, state);
	look_at_jump(context, ops, op, state);
	move(op, state);
}

static struct graft_error *
read_func(const struct graft_code *code, uint32_t func, int depth,
	  struct graft_incoming *ret)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct places entry = { .known = 1U << GRAFT_REG_RSP };
	struct search search = { .next = GRAFT_NONE };
	struct graft_incoming more = { 0 };

	struct graft_error *err = graft_ops_read(code, func, &ops);
	if (!err)
		err = graft_ways_follow(&ops, sizeof(entry), &entry, step,
					merge, &search);
	if (err)
		return err;
	bool follow = search.next != GRAFT_NONE && search.next != func;
	if (follow && depth < DEPTH_MAX)
		err = read_func(code, search.next, depth + 1, &more);
	else if (follow)
		more.may_read = UINT64_MAX;
	if (search.leaves)
		more.may_read = UINT64_MAX;
	ret->reads = search.reads | (more.reads & ~search.written);
	ret->may_read = ret->reads | (more.may_read & ~search.written);
	return err;
}

struct graft_error *
graft_incoming_read(const struct graft_code *code, uint32_t func,
		    struct graft_incoming *ret)
{
	return read_func(code, func, 0, ret);
}
