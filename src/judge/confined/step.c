// SPDX-License-Identifier: Apache-2.0

// What one instruction does to addresses of objects.

#include "judge/confined/search.h"

#include <Zydis/Zydis.h>
#include <string.h>

static bool
is_general(uint8_t reg)
{
	return reg < 16;
}

/** Say whether an instruction only writes to the register that it names first. */
static bool
only_writes_first(const struct graft_op *op)
{
	return op->what == GRAFT_OP_MOV || op->what == GRAFT_OP_LEA ||
	       op->mnemonic == ZYDIS_MNEMONIC_MOVZX ||
	       op->mnemonic == ZYDIS_MNEMONIC_MOVSX ||
	       op->mnemonic == ZYDIS_MNEMONIC_MOVSXD;
}

/** Say whether a register is, to this instruction, no more than the base of its
 * memory operand. */
static bool
is_only_base(const struct graft_op *op, uint8_t reg)
{
	bool named = op->src == reg ||
		     (op->first == reg && !only_writes_first(op));
	bool narrow = op->what == GRAFT_OP_LEA && op->dst_size != 8;

	return op->has_mem && op->base == reg && op->index != reg && !named &&
	       !narrow;
}

/** Say whether an instruction uses the address in a register in a way that is
 * followed. */
static bool
is_followed(const struct graft_op *op, uint8_t reg)
{
	bool copies = op->what == GRAFT_OP_MOV && op->src == reg &&
		      (op->has_mem ? op->mem_write && op->mem_size == 8 &&
					     op->base != reg && op->index != reg
				   : op->dst_size == 8);
	bool moves = (op->what == GRAFT_OP_LEA && op->base == reg &&
		      op->index == GRAFT_REG_NONE && op->dst_size == 8) ||
		     (op->what == GRAFT_OP_ADD && op->dst == reg &&
		      op->dst_size == 8 && op->has_imm && !op->has_mem);
	bool tests = op->what == GRAFT_OP_TEST && !op->has_mem &&
		     op->first == reg && op->src == reg;

	return copies || moves || tests ||
	       (op->what == GRAFT_OP_PUSH && !op->has_mem && op->first == reg);
}

/** Look at what an instruction reads. */
static void
check_uses(struct graft_confined_run *run, const struct graft_op *op,
	   const struct graft_confined_state *state)
{
	bool fills = graft_confined_is_repeated_store(run->all, op, state);

	for (uint8_t r = 0; r < 16; r++) {
		const struct graft_confined_value *value = &state->regs[r];
		if (!(op->reads & (1U << r)))
			continue;
		if (value->kind == GRAFT_CONFINED_POISON)
			graft_confined_fail(
				run,
				"the address of an object, or something else, is used");
		bool followed = is_followed(op, r);
		if (value->kind == GRAFT_CONFINED_FUNC && !followed)
			graft_confined_lose(run, value);
		if (value->kind == GRAFT_CONFINED_OBJECT && !followed &&
		    !is_only_base(op, r) && !fills)
			graft_confined_fail(
				run,
				"the address of an object goes into a computation");
	}
}

/** Let a place in the own frame become an address in a register. */
static struct graft_confined_value
take(struct graft_confined_run *run, int64_t off)
{
	const char *fault;
	int64_t size;
	struct graft_confined_value value =
		graft_confined_local(run->all, run->body, off, &size, &fault);

	if (fault)
		graft_confined_fail(run, fault);
	if (value.kind == GRAFT_CONFINED_LOCAL)
		graft_confined_expose(run, value.base, size);
	return value;
}

/** Say whether a register leads to the frame and to no variable in it. */
static bool
is_stack(const struct graft_ops *part, uint8_t reg)
{
	return reg == GRAFT_REG_RSP ||
	       (reg == GRAFT_REG_RBP && part->frame_pointer);
}

/** Move an address by a constant, into a register. */
static struct graft_confined_value
moved(struct graft_confined_run *run, const struct graft_ops *part, uint8_t dst,
      struct graft_confined_value value, int64_t by)
{
	value.pushed = false;
	switch (value.kind) {
	case GRAFT_CONFINED_STACK:
		value.off += by;
		if (dst == GRAFT_REG_RBP && is_stack(part, dst) &&
		    !graft_confined_is_frame_pointer(run->all, run->body,
						     value.off))
			graft_confined_fail(
				run, "the frame pointer is set in an odd way");
		return is_stack(part, dst) ? value : take(run, value.off);
	case GRAFT_CONFINED_LOCAL:
		if (value.off == INT64_MIN)
			return value;
		return take(run, value.off + by);
	case GRAFT_CONFINED_OBJECT:
		value.off += by;
		if (value.off < 0 || value.off > (int64_t)run->all->q->size)
			graft_confined_fail(
				run, "an address leads out of an object");
		return value;
	case GRAFT_CONFINED_POISON:
		return value;
	default:
		return by ? graft_confined_nothing() : value;
	}
}

static struct graft_confined_value
lea(struct graft_confined_run *run, const struct graft_ops *part,
    const struct graft_op *op, struct graft_confined_state *state)
{
	struct graft_confined_value none = graft_confined_nothing();

	if (op->has_ref) {
		struct graft_callee callee = graft_op_callee(part, op);
		if (callee.func != GRAFT_NONE && !callee.import) {
			none.kind = GRAFT_CONFINED_FUNC;
			none.who = callee.func;
		}
		return none;
	}
	if (is_general(op->index) || !is_general(op->base)) {
		if (!is_general(op->base))
			return none;
		struct graft_confined_value base = state->regs[op->base];
		if (base.kind == GRAFT_CONFINED_STACK)
			base = take(run, base.off + op->disp);
		if (base.kind == GRAFT_CONFINED_OBJECT)
			graft_confined_fail(run,
					    "an object is reached by an index");
		if (base.kind != GRAFT_CONFINED_LOCAL)
			return none;
		base.off = INT64_MIN;
		return base;
	}
	return moved(run, part, op->dst, state->regs[op->base], op->disp);
}

static struct graft_confined_value
add(struct graft_confined_run *run, const struct graft_ops *part,
    const struct graft_op *op, const struct graft_confined_state *state)
{
	struct graft_confined_value a = state->regs[op->dst];
	struct graft_confined_value none = graft_confined_nothing();

	if (op->has_imm && !op->has_mem && op->dst_size == 8)
		return moved(run, part, op->dst, a,
			     op->subtracts ? -op->imm : op->imm);
	if (!op->has_mem && is_general(op->src)) {
		struct graft_confined_value b = state->regs[op->src];
		if (b.kind == GRAFT_CONFINED_STACK && !op->subtracts)
			graft_confined_fail(
				run, "the stack pointer is computed with");
		if (b.kind == GRAFT_CONFINED_LOCAL && !op->subtracts) {
			b.off = INT64_MIN;
			return b;
		}
	}
	if (a.kind == GRAFT_CONFINED_LOCAL) {
		a.off = INT64_MIN;
		return a;
	}
	return none;
}

/** Get what a load from memory brings. */
static struct graft_confined_value
load(const struct graft_op *op, const struct graft_confined_place *place,
     const struct graft_confined_state *state)
{
	struct graft_confined_value value = graft_confined_nothing();

	if (place->reach != GRAFT_CONFINED_IN_FRAME)
		return value;
	if (op->mem_size == 8 && op->dst_size == 8 && is_general(op->dst) &&
	    op->what == GRAFT_OP_MOV)
		return graft_confined_load(state, place->off);
	return value;
}

/** Store what a register holds, or something else, into memory. */
static void
store(struct graft_confined_run *run, const struct graft_ops *part,
      const struct graft_op *op, const struct graft_confined_place *place,
      struct graft_confined_state *state)
{
	struct graft_confined_value value = graft_confined_nothing();
	bool plain = op->what == GRAFT_OP_MOV && !op->mem_read &&
		     is_general(op->src) && op->mem_size == 8;

	if (plain)
		value = state->regs[op->src];
	if (value.kind == GRAFT_CONFINED_STACK)
		value = take(run, value.off);
	bool framed = place->reach == GRAFT_CONFINED_IN_FRAME;
	if (!framed) {
		if (graft_confined_is_bound(&value))
			graft_confined_fail(
				run, "the address of an object is stored");
		if (value.kind == GRAFT_CONFINED_FUNC)
			graft_confined_lose(run, &value);
		return;
	}
	const struct graft_confined_value *rsp = &state->regs[GRAFT_REG_RSP];
	state->passes |= place->off < rsp->off + 8 &&
			 place->off + op->mem_size > rsp->off;
	if (!plain) {
		graft_confined_forget(state, place->off, op->mem_size);
		return;
	}
	value.pushed = !(op->base == GRAFT_REG_RBP && part->frame_pointer);
	if (graft_confined_is_bound(&value) && place->off >= 0)
		graft_confined_fail(run, "the address of an object is stored");
	if (value.kind == GRAFT_CONFINED_FUNC && place->off >= 0)
		graft_confined_lose(run, &value);
	if (graft_confined_is_bound(&value))
		graft_confined_spill(run, place->off);
	if (!graft_confined_store(state, place->off, value))
		graft_confined_fail(run, "too many words hold addresses");
}

/** Find what an instruction leaves in the register that it names first. */
static struct graft_confined_value
result_of(struct graft_confined_run *run, const struct graft_ops *part,
	  const struct graft_op *op, const struct graft_confined_place *place,
	  struct graft_confined_state *state)
{
	struct graft_confined_value value = graft_confined_nothing();

	switch (op->what) {
	case GRAFT_OP_LEA:
		return lea(run, part, op, state);
	case GRAFT_OP_ADD:
		return add(run, part, op, state);
	case GRAFT_OP_ZERO:
		value.kind = GRAFT_CONFINED_CONST;
		return value;
	case GRAFT_OP_MOV:
		if (op->has_imm && !op->has_mem) {
			value.kind = GRAFT_CONFINED_CONST;
			value.off = op->imm;
			return value;
		}
		if (op->has_mem)
			return load(op, place, state);
		if (op->dst_size == 8 && is_general(op->src))
			return moved(run, part, op->dst, state->regs[op->src],
				     0);
		return value;
	case GRAFT_OP_CMOV:
		// That no address of an object is chosen was looked at.
		value = state->regs[op->dst];
		if (graft_confined_is_bound(&value))
			value.kind = GRAFT_CONFINED_POISON;
		else
			value = graft_confined_nothing();
		value.kind = value.kind == GRAFT_CONFINED_POISON
				     ? GRAFT_CONFINED_POISON
				     : GRAFT_CONFINED_MIXED;
		return value;
	default:
		return value;
	}
}

/** push, pop, leave. */
static bool
step_stack(struct graft_confined_run *run, const struct graft_op *op,
	   struct graft_confined_state *state)
{
	struct graft_confined_value *rsp = &state->regs[GRAFT_REG_RSP];
	struct graft_confined_value value = graft_confined_nothing();

	if (op->what != GRAFT_OP_PUSH && op->what != GRAFT_OP_POP &&
	    !op->is_leave)
		return false;
	if (op->is_leave)
		*rsp = state->regs[GRAFT_REG_RBP];
	if (rsp->kind != GRAFT_CONFINED_STACK ||
	    (op->what == GRAFT_OP_POP && op->has_mem)) {
		graft_confined_fail(run, "nobody knows where the stack is");
		return true;
	}
	if (op->what == GRAFT_OP_PUSH) {
		if (!op->has_mem && is_general(op->first))
			value = state->regs[op->first];
		if (value.kind == GRAFT_CONFINED_STACK)
			value = graft_confined_nothing();
		value.pushed = value.kind != GRAFT_CONFINED_OTHER;
		rsp->off -= 8;
		state->passes = true;
		if (graft_confined_is_bound(&value))
			graft_confined_spill(run, rsp->off);
		if (!graft_confined_store(state, rsp->off, value))
			graft_confined_fail(run,
					    "too many words hold addresses");
		return true;
	}
	value = graft_confined_load(state, rsp->off);
	uint8_t dst = op->is_leave ? GRAFT_REG_RBP : op->dst;
	rsp->off += 8;
	if (is_general(dst) && dst != GRAFT_REG_RSP)
		state->regs[dst] = value;
	return true;
}

/** Look at the bytes of an object that an instruction reaches. */
static void
check_access(struct graft_confined_run *run, const struct graft_op *op,
	     const struct graft_confined_place *place,
	     const struct graft_confined_state *state)
{
	if (place->reach == GRAFT_CONFINED_NOBODY_KNOWS)
		graft_confined_fail(run, place->fault);
	if (place->reach == GRAFT_CONFINED_IN_VARIABLE)
		graft_confined_expose(run, place->off, place->size);
	bool whole = op->mem_size == 8 &&
		     ((op->what == GRAFT_OP_MOV && op->dst_size == 8) ||
		      (op->what == GRAFT_OP_CMP && op->has_imm));
	if (place->reach == GRAFT_CONFINED_IN_FRAME && op->mem_read && !whole &&
	    graft_confined_covers(state, place->off, op->mem_size))
		graft_confined_fail(run,
				    "a part of an object's address is read");
	if (place->reach != GRAFT_CONFINED_IN_OBJECT)
		return;
	if (graft_confined_is_constant_store(run->all, run->body, op, state))
		return;
	if (!graft_confined_member_at(run->all, place->off, op->mem_size))
		graft_confined_fail(
			run, "more than one member of an object is reached");
}

/** Forget what an instruction writes over. */
static void
forget_written(const struct graft_code *code, const struct graft_op *op,
	       struct graft_confined_state *state)
{
	for (uint8_t r = 0; r < 16; r++) {
		bool wide = op->writes & (1U << r);
		bool part = (op->low_writes & (1U << r)) ||
			    (op->first == r && !wide && !op->mem_write);
		if (!wide && !part)
			continue;
		struct graft_confined_value *value = &state->regs[r];
		// A compare, too, names a register first, and leaves it.
		bool keeps = !wide && (op->what == GRAFT_OP_CMP ||
				       op->what == GRAFT_OP_TEST);
		if (keeps)
			continue;
		if (!wide && (graft_confined_is_bound(value) ||
			      value->kind == GRAFT_CONFINED_STACK))
			value->kind = GRAFT_CONFINED_POISON;
		else
			*value = graft_confined_nothing();
	}
	uint32_t vectors = op->writes;
	if (op->first >= 16 && op->first < 32 && !op->mem_write)
		vectors |= (uint32_t)1 << op->first;
	state->zero &= ~vectors;
	state->mixed &= ~vectors;
	if (op->what == GRAFT_OP_ZERO && op->first >= 16 && op->first < 32)
		state->zero |= (uint32_t)1 << op->first;
	// A constant, but which one is not compared: only objects may get it.
	if (graft_confined_loads_constant(code, op)) {
		state->zero |= (uint32_t)1 << op->first;
		state->mixed |= (uint32_t)1 << op->first;
	}
}

void
graft_confined_step(void *context, const struct graft_confined_body *body,
		    uint32_t at, struct graft_confined_state *state)
{
	struct graft_confined_run *run = context;
	const struct graft_ops *part;
	const struct graft_op *op = graft_confined_op(body, at, &part);

	run->addr = op->addr;
	if (op->what == GRAFT_OP_NOP)
		return;
	if (op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP | GRAFT_INSN_RET)) {
		if (graft_confined_target(body, at) ==
		    graft_confined_count(body))
			graft_confined_do_call(run, part, op, state);
		return;
	}
	if (op->flags & GRAFT_INSN_BAD)
		graft_confined_fail(run, "code cannot be read");
	check_uses(run, op, state);
	struct graft_confined_place place = { 0 };
	if (op->what != GRAFT_OP_LEA) {
		place = graft_confined_place_of(run->all, body, op, state);
		check_access(run, op, &place, state);
	}
	bool fills = graft_confined_is_repeated_store(run->all, op, state);
	if (step_stack(run, op, state))
		return;
	struct graft_confined_value result = graft_confined_nothing();
	bool has_result = is_general(op->dst);
	if (has_result)
		result = result_of(run, part, op, &place, state);
	if (op->mem_write)
		store(run, part, op, &place, state);
	forget_written(run->all->q->code, op, state);
	if (has_result)
		state->regs[op->dst] = result;
	if (fills)
		state->regs[GRAFT_REG_RDI].kind = GRAFT_CONFINED_POISON;
	if (state->regs[GRAFT_REG_RSP].kind != GRAFT_CONFINED_STACK)
		graft_confined_fail(run, "the stack pointer is computed with");
}
