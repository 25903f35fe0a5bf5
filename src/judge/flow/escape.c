// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/escape.h"

#include "base/vec.h"
#include "judge/flow/passed.h"
#include "judge/flow/readers.h"

#include <string.h>

enum {
	/** Words of the frame that are followed in one function. */
	SLOTS_MAX = 16,
	/** Calls into the module that are followed, one in the other. */
	DEPTH_MAX = 5,
	/** Instructions that are looked at for one address. */
	WORK_MAX = 1 << 18,
	/** `push %rax`. */
	PUSH_RAX = 0x50,
};

/** What holds the address, and what one computed from it: that of an element.
 * Registers, and words of the frame as numbered in struct follow. */
struct held {
	uint16_t regs;
	uint16_t derived;
	uint16_t slots;
	uint16_t derived_slots;
};

/** A way that is still to be followed. */
struct way {
	uint32_t at;
	struct held held;
};

struct slot {
	uint8_t base;
	int64_t disp;
};

/** What is spent on one address, over all functions. */
struct budget {
	struct graft_argument_reader *reader;
	struct graft_escape_way how;
	uint32_t depth;
	uint32_t work;
};

/** Following an address along all ways of one function. */
struct follow {
	const struct graft_ops *ops;
	struct budget *budget;
	/** What held it when each instruction was reached. */
	struct held *reached;
	struct way *ways;
	size_t count;
	size_t cap;
	struct slot slots[SLOTS_MAX];
	uint32_t slot_count;
	uint32_t escapes;
};

static struct graft_error *
follow_all(const struct graft_ops *ops, struct budget *budget, uint32_t at,
	   uint32_t regs, uint32_t *ret);

static bool
adds_nothing(struct held now, struct held before)
{
	return !(now.regs & ~before.regs) && !(now.derived & ~before.derived) &&
	       !(now.slots & ~before.slots) &&
	       !(now.derived_slots & ~before.derived_slots);
}

static struct graft_error *
go_on(struct follow *follow, uint32_t at, struct held held)
{
	if (at >= follow->ops->count || adds_nothing(held, follow->reached[at]))
		return NULL;
	struct held *reached = &follow->reached[at];
	reached->regs |= held.regs;
	reached->derived |= held.derived;
	reached->slots |= held.slots;
	reached->derived_slots |= held.derived_slots;
	struct graft_error *err = graft_vec_reserve(&follow->ways, &follow->cap,
						    follow->count + 1,
						    sizeof(*follow->ways));
	if (!err)
		follow->ways[follow->count++] = (struct way){ at, held };
	return err;
}

static uint32_t
bit_of(uint8_t reg)
{
	return reg < 16 ? 1U << reg : 0;
}

/** Number the word of the frame that an instruction names; SLOTS_MAX if none or
 * too many. */
static uint32_t
find_slot(struct follow *follow, const struct graft_op *op)
{
	uint32_t i = 0;

	if (!follow->budget->how.deep || op->index != GRAFT_REG_NONE ||
	    op->mem_size != 8 || !graft_op_in_frame(follow->ops, op))
		return SLOTS_MAX;
	while (i < follow->slot_count && (follow->slots[i].base != op->base ||
					  follow->slots[i].disp != op->disp))
		i++;
	if (i == follow->slot_count && i < SLOTS_MAX)
		follow->slots[follow->slot_count++] = (struct slot){ op->base,
								     op->disp };
	return i;
}

/**
 * Find the registers that a call destroys. With -fipa-ra a caller keeps values in
 * what a function of the same unit leaves alone.
 */
static struct graft_error *
destroyed_by(struct follow *follow, const struct graft_op *op, uint16_t *ret)
{
	struct graft_callee callee = graft_op_callee(follow->ops, op);
	struct graft_arguments arguments;
	uint16_t regs = 0;

	for (uint8_t r = 0; r < 16; r++) {
		if (graft_reg_is_volatile(r))
			regs |= (uint16_t)(1U << r);
	}
	*ret = regs;
	if (callee.func == GRAFT_NONE)
		return NULL;
	struct graft_error *err = graft_arguments_read(follow->budget->reader,
						       callee.func, &arguments);
	if (!err)
		*ret = (uint16_t)((arguments.destroys & regs) |
				  1U << GRAFT_REG_RAX);
	return err;
}

/** Follow into a function of the module that is handed the address. */
static struct graft_error *
follow_callee(struct follow *follow, uint32_t func, uint32_t regs,
	      uint32_t *escapes)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct budget *budget = follow->budget;

	*escapes = GRAFT_ESCAPE_PASSED;
	if (budget->depth >= DEPTH_MAX)
		return NULL;
	struct graft_error *err = graft_ops_read(follow->ops->code, func, &ops);
	if (err)
		return err;
	budget->depth++;
	err = follow_all(&ops, budget, 0, regs, escapes);
	budget->depth--;
	return err;
}

/**
 * Judge a jump that leaves, where other registers than those of arguments hold the
 * address: what a function is cut into goes on with all of them.
 */
static struct graft_error *
judge_jump(struct follow *follow, struct graft_callee callee, struct held held)
{
	const struct graft_code *code = follow->ops->code;
	uint32_t regs = ((uint32_t)held.regs | held.derived) &
			~(uint32_t)GRAFT_PASSED_ALL;
	uint32_t escapes = 0;

	// Where a function starts with a push of %rax, it only makes room.
	if (callee.func == GRAFT_NONE)
		return NULL;
	const struct graft_func *f = &code->funcs[callee.func];
	const uint8_t *bytes = graft_func_bytes(code, f);
	if (bytes[0] == PUSH_RAX)
		regs &= ~(1U << GRAFT_REG_RAX);
	struct graft_error *err = regs ? follow_callee(follow, callee.func,
						       regs, &escapes)
				       : NULL;
	follow->escapes |= escapes;
	return err;
}

/** Judge a call, or a jump that leaves, where registers hold the address. */
static struct graft_error *
judge_call(struct follow *follow, const struct graft_op *op, struct held held,
	   bool *returned)
{
	const struct graft_escape_way *how = &follow->budget->how;
	struct graft_callee callee = graft_op_callee(follow->ops, op);
	bool call = op->flags & GRAFT_INSN_CALL;
	uint32_t regs = held.regs;
	uint32_t passed;

	*returned = false;
	if (!how->deep || callee.func == GRAFT_NONE) {
		struct graft_error *err = graft_passed_by(
			follow->budget->reader, how, follow->ops, op,
			(uint32_t)held.regs | held.derived, &passed);
		bool harmless = callee.import &&
				(how->harmless ? how->harmless(callee.import)
					       : how->deep);
		if (how->deep && how->harmless && callee.import &&
		    !graft_import_takes_nothing(callee.import))
			passed = GRAFT_PASSED_ALL;
		// A derived address counts only where it is known what for.
		if (how->deep)
			regs |= held.derived;
		if (!err && (regs & passed) && !harmless)
			follow->escapes |= GRAFT_ESCAPE_PASSED;
		return err || call ? err : judge_jump(follow, callee, held);
	}
	regs |= held.derived;
	// What a function is cut into is jumped to with all that registers hold.
	if (call)
		regs &= GRAFT_PASSED_ALL;
	uint32_t escapes = 0;
	struct graft_error *err = regs ? follow_callee(follow, callee.func,
						       regs, &escapes)
				       : NULL;
	*returned = call && (escapes & GRAFT_ESCAPE_RETURNED);
	if (call)
		escapes &= ~(uint32_t)GRAFT_ESCAPE_RETURNED;
	follow->escapes |= escapes;
	return err;
}

/** Tell what one instruction that is no call does with the address. */
static uint32_t
escapes_at(const struct follow *follow, const struct graft_op *op,
	   uint32_t regs)
{
	const struct graft_ops *ops = follow->ops;
	bool deep = follow->budget->how.deep;
	bool source = bit_of(op->src) & regs;
	bool through = op->has_mem && op->what != GRAFT_OP_LEA &&
		       ((bit_of(op->base) | bit_of(op->index)) & regs);
	uint32_t found = through && op->mem_read ? GRAFT_ESCAPE_READ : 0;

	if (op->what == GRAFT_OP_PUSH && (op->reads & regs) && !op->has_mem)
		return found | GRAFT_ESCAPE_PASSED;
	if (op->what == GRAFT_OP_MOV && op->mem_write && source)
		return graft_op_in_frame(ops, op)
			       ? (deep ? found : GRAFT_ESCAPE_PASSED)
			       : found | GRAFT_ESCAPE_STORED;
	if (op->what == GRAFT_OP_CMP && !op->has_imm && (op->reads & regs)) {
		// A pointer that is compared, not memory that it points to.
		bool memory = op->has_mem && (bit_of(op->base) & regs);
		return memory && !source ? found
					 : found | GRAFT_ESCAPE_COMPARED;
	}
	if (op->flags & GRAFT_INSN_RET)
		return regs & (1U << GRAFT_REG_RAX) ? GRAFT_ESCAPE_RETURNED : 0;
	// Into a vector register, from where pairs of pointers are stored.
	if (op->dst != GRAFT_REG_NONE && op->dst >= GRAFT_REG_XMM0 && source)
		return found | GRAFT_ESCAPE_STORED;
	return found;
}

/** Say whether an instruction computes an address from one in a register: a
 * table and an index. */
static bool
derives(const struct graft_ops *ops, uint32_t at, uint32_t regs)
{
	const struct graft_op *op = &ops->ops[at];

	if (op->dst >= 16 || op->dst_size != 8)
		return false;
	if (op->what == GRAFT_OP_LEA)
		return bit_of(op->base) & regs;
	if (op->what != GRAFT_OP_ADD || op->has_mem ||
	    !(op->reads & regs & (1U << op->dst | bit_of(op->src))))
		return false;
	if (op->src >= 16)
		return true;
	// A distance that comes from the table leads to something else.
	bool to_table = regs & (1U << op->dst);
	uint32_t writer = graft_op_writer(ops, at,
					  to_table ? op->src : op->dst);
	return writer >= ops->count || !ops->ops[writer].mem_read ||
	       graft_op_in_frame(ops, &ops->ops[writer]);
}

/** Tell what holds the address behind an instruction. */
static struct held
after(struct follow *follow, uint32_t at, struct held held)
{
	const struct graft_ops *ops = follow->ops;
	const struct graft_op *op = &ops->ops[at];
	bool moves = op->what == GRAFT_OP_MOV || op->what == GRAFT_OP_CMOV;
	uint32_t slot = moves && op->has_mem ? find_slot(follow, op)
					     : SLOTS_MAX;
	uint16_t in_slot = slot < SLOTS_MAX ? (uint16_t)(1U << slot) : 0;
	uint32_t from = moves && !op->has_mem ? bit_of(op->src) : 0;
	uint32_t to = bit_of(op->dst);
	uint32_t kept = op->what == GRAFT_OP_CMOV ? to : 0;
	bool copied = (held.regs & from) ||
		      (op->mem_read && (held.slots & in_slot));
	bool copied_derived = (held.derived & from) ||
			      (op->mem_read && (held.derived_slots & in_slot));
	bool computed = derives(ops, at, (uint32_t)held.regs | held.derived);
	struct held now = held;

	if (op->mem_write && in_slot) {
		now.slots &= (uint16_t)~in_slot;
		now.derived_slots &= (uint16_t)~in_slot;
		if (held.regs & bit_of(op->src))
			now.slots |= in_slot;
		if (held.derived & bit_of(op->src))
			now.derived_slots |= in_slot;
	}
	now.regs = (uint16_t)(held.regs & (~op->writes | kept));
	now.derived = (uint16_t)(held.derived & (~op->writes | kept));
	if (copied)
		now.regs |= (uint16_t)to;
	if (copied_derived)
		now.derived |= (uint16_t)to;
	if (computed)
		now.derived |= (uint16_t)to;
	return now;
}

static struct graft_error *
follow_one(struct follow *follow, struct way way)
{
	const struct graft_op *op = &follow->ops->ops[way.at];
	struct held held = way.held;
	bool leaves = (op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
		      !(op->flags & GRAFT_INSN_INTERNAL);
	bool returned = false;
	struct graft_error *err = NULL;

	// A word of the frame is compared as it stands there.
	uint32_t slot = op->what == GRAFT_OP_CMP && !op->has_imm
				? find_slot(follow, op)
				: SLOTS_MAX;
	if (slot < SLOTS_MAX && (held.slots & 1U << slot))
		follow->escapes |= GRAFT_ESCAPE_COMPARED;
	follow->escapes |= escapes_at(follow, op, held.regs);
	// Loops compare it with the end of the table, and calls read through
	// it: neither is refused.
	follow->escapes |= escapes_at(follow, op, held.derived) &
			   (GRAFT_ESCAPE_STORED | GRAFT_ESCAPE_RETURNED |
			    GRAFT_ESCAPE_READ);
	if (leaves && (held.regs | held.derived))
		err = judge_call(follow, op, held, &returned);
	struct held now = after(follow, way.at, held);
	uint16_t destroyed = 0;
	if (!err && (op->flags & GRAFT_INSN_CALL) && (now.regs | now.derived))
		err = destroyed_by(follow, op, &destroyed);
	now.regs &= (uint16_t)~destroyed;
	now.derived &= (uint16_t)~destroyed;
	if (returned)
		now.regs |= 1U << GRAFT_REG_RAX;
	if (!err && op->target)
		err = go_on(follow, graft_op_at(follow->ops, op->target), now);
	if (!err && !op->ends)
		err = go_on(follow, way.at + 1, now);
	return err;
}

static struct graft_error *
follow_all(const struct graft_ops *ops, struct budget *budget, uint32_t at,
	   uint32_t regs, uint32_t *ret)
{
	struct follow follow = { .ops = ops, .budget = budget };

	follow.reached = calloc((size_t)ops->count + 1,
				sizeof(*follow.reached));
	if (!follow.reached)
		return graft_error_no_memory();
	struct graft_error *err =
		go_on(&follow, at, (struct held){ .regs = (uint16_t)regs });
	while (!err && follow.count) {
		if (budget->how.deep && budget->work++ >= WORK_MAX) {
			follow.escapes |= GRAFT_ESCAPE_PASSED;
			break;
		}
		err = follow_one(&follow, follow.ways[--follow.count]);
	}
	if (follow.slot_count == SLOTS_MAX)
		follow.escapes |= GRAFT_ESCAPE_PASSED;
	free(follow.reached);
	free(follow.ways);
	*ret = follow.escapes;
	return err;
}

struct graft_error *
graft_escape_follow(struct graft_argument_reader *reader,
		    const struct graft_ops *ops, uint32_t at, uint32_t regs,
		    struct graft_escape_way how, uint32_t *ret)
{
	struct budget budget = { .reader = reader, .how = how };

	return follow_all(ops, &budget, at, regs, ret);
}
