// SPDX-License-Identifier: Apache-2.0

// What one instruction does to addresses of frames.

#include "judge/confined_search.h"

#include <Zydis/Zydis.h>
#include <string.h>

enum {
	/** Largest distance from the entry's stack pointer that is followed. */
	FAR = 1 << 24,
};

/** Say whether a register leads to the frame, and to no object of it. */
static bool
is_stack(const struct graft_ops *part, uint8_t reg)
{
	return reg == GRAFT_REG_RSP ||
	       (reg == GRAFT_REG_RBP && part->frame_pointer);
}

static bool
is_address(const struct graft_confined_value *value)
{
	return graft_confined_is_address(value);
}

static bool
is_general(uint8_t reg)
{
	return reg < 16;
}

/** Move an address. What leaves any frame that there could be is none. */
static struct graft_confined_value
moved(struct graft_confined_value value, int64_t by)
{
	int64_t off = (int64_t)value.off + by;

	if (off > FAR || off < -FAR)
		return graft_confined_nothing();
	value.off = value.vague ? value.base : (int32_t)off;
	return value;
}

/** Move a stack pointer: it leads to no object but what begins there. */
static struct graft_confined_value
stack_moved(struct graft_confined_value value, int64_t by)
{
	value = moved(value, by);
	if (is_address(&value) && !value.vague)
		value.base = value.off;
	return value;
}

static struct graft_confined_value
made_vague(struct graft_confined_value value)
{
	value.vague = true;
	value.off = value.base;
	return value;
}

/** Let a stack pointer become the address of an object. */
static struct graft_confined_value
take(struct graft_confined_run *run, struct graft_confined_state *state,
     struct graft_confined_value value)
{
	// Arguments on the stack belong to the caller.
	if (value.kind != GRAFT_CONFINED_OWN || value.vague || value.off >= 0)
		return graft_confined_nothing();
	value.base = value.off;
	graft_confined_take(state, value.off, graft_confined_mark, run);
	graft_confined_expose(run, value.off, false);
	return value;
}

/** Find where a memory operand leads; kind _OTHER if to no frame. */
static struct graft_confined_value
place_of(const struct graft_ops *part, const struct graft_op *op,
	 const struct graft_confined_state *state)
{
	struct graft_confined_value place = graft_confined_nothing();

	if (!op->has_mem || op->has_ref)
		return place;
	if (is_general(op->base))
		place = state->regs[op->base];
	if (!is_address(&place) && is_general(op->index)) {
		// The pointer may stand where the index does.
		place = state->regs[op->index];
		place.maybe |= is_address(&place);
		return is_address(&place) ? made_vague(place)
					  : graft_confined_nothing();
	}
	if (place.kind == GRAFT_CONFINED_FUNC || !is_address(&place))
		return graft_confined_nothing();
	bool stack = is_stack(part, op->base);
	if (stack && place.vague)
		return graft_confined_nothing();
	place = moved(place, op->disp);
	if (stack)
		place.base = place.off;
	return op->index == GRAFT_REG_NONE ? place : made_vague(place);
}

/** Say whether a place is a known word of the own frame. */
static bool
is_own_word(const struct graft_confined_value *place)
{
	return place->kind == GRAFT_CONFINED_OWN && !place->maybe &&
	       !place->vague;
}

/** Note every use of an address that is not followed. */
static void
mark_uses(struct graft_confined_run *run, const struct graft_op *op,
	  const struct graft_confined_state *state)
{
	bool followed = op->what == GRAFT_OP_MOV || op->what == GRAFT_OP_CMP ||
			op->what == GRAFT_OP_TEST || op->what == GRAFT_OP_ADD ||
			op->what == GRAFT_OP_LEA || op->what == GRAFT_OP_CMOV ||
			op->what == GRAFT_OP_PUSH || op->what == GRAFT_OP_POP;
	bool fills = op->mnemonic >= ZYDIS_MNEMONIC_STOSB &&
		     op->mnemonic <= ZYDIS_MNEMONIC_STOSW;

	for (uint8_t r = 0; r < 16; r++) {
		const struct graft_confined_value *value = &state->regs[r];
		if (!(op->reads & (1U << r)) || !is_address(value) ||
		    r == GRAFT_REG_RSP || followed)
			continue;
		bool reaches = op->has_mem && (op->base == r || op->index == r);
		// `imul $5, (%rax), %eax` reads no more than the address.
		bool names = op->src == r ||
			     (op->first == r &&
			      !(reaches && (op->writes & (1U << r))));
		if (names || (!reaches && !fills) ||
		    value->kind == GRAFT_CONFINED_FUNC)
			graft_confined_mark(run, value);
	}
}

/** Note that an index may lead to any word from a place on. */
static void
take_array(struct graft_confined_run *run, const struct graft_ops *part,
	   const struct graft_op *op, struct graft_confined_state *state,
	   int32_t base)
{
	graft_confined_take(state, base, graft_confined_mark, run);
	// What is reached through other registers is known by their facts.
	if (is_stack(part, op->base))
		graft_confined_expose(run, base, true);
}

/** Store what a register holds, or something else, into memory. */
static void
store(struct graft_confined_run *run, const struct graft_ops *part,
      const struct graft_op *op, struct graft_confined_state *state)
{
	struct graft_confined_value place = place_of(part, op, state);
	struct graft_confined_value value = graft_confined_nothing();
	bool plain = !op->mem_read && op->src < GRAFT_CONFINED_REGS;

	if (plain)
		value = state->regs[op->src];
	if (plain && (op->what == GRAFT_OP_MOV || op->src >= GRAFT_REG_XMM0))
		graft_confined_note_copy(run, op, &value, &place);
	bool address = op->what == GRAFT_OP_MOV && plain && is_address(&value);
	if (!is_own_word(&place)) {
		if (address)
			graft_confined_mark(run, &value);
		// Where a stack pointer leads that is not known, any word is.
		if (is_stack(part, op->base) &&
		    place.kind != GRAFT_CONFINED_OWN)
			graft_confined_take(state, INT32_MIN,
					    graft_confined_mark, run);
		else if (place.kind == GRAFT_CONFINED_OWN)
			take_array(run, part, op, state, place.base);
		return;
	}
	if (address && op->mem_size == 8) {
		value.fresh = false;
		if (!graft_confined_store(state, place.off, value))
			graft_confined_mark(run, &value);
		return;
	}
	graft_confined_forget(state, place.off, op->mem_size);
	for (int32_t i = 0; i < op->mem_size; i += 8)
		graft_confined_fill(state, place.off + i);
}

/** Get what a load from memory brings. */
static struct graft_confined_value
load(struct graft_confined_run *run, const struct graft_ops *part,
     const struct graft_op *op, const struct graft_confined_state *state)
{
	struct graft_confined_value place = place_of(part, op, state);
	struct graft_confined_value value = graft_confined_nothing();
	int64_t at;

	if (is_own_word(&place) && op->mem_size == 8)
		value = graft_confined_read_word(run, state, place.off);
	if (is_address(&value))
		return value;
	if (is_address(&place))
		return (struct graft_confined_value){
			.kind = GRAFT_CONFINED_CONTENT,
			.vague = place.vague,
			.who = place.kind == GRAFT_CONFINED_OWN
				       ? run->body->func
				       : place.who,
			.base = place.off,
			.off = place.off,
		};
	if (graft_confined_is_memory(run, op, &at) && at > INT32_MIN &&
	    at < INT32_MAX)
		value = (struct graft_confined_value){
			.kind = GRAFT_CONFINED_MEMORY,
			.base = (int32_t)at,
			.off = (int32_t)at,
		};
	return value;
}

/** Say whether an instruction names something that nobody writes. */
static bool
leads_to_constant(const struct graft_confined_run *run,
		  const struct graft_op *op)
{
	const struct graft_code *code = run->all->code;
	uint32_t ref = code->insns[op->insn].ref;

	if (ref == GRAFT_NONE || code->refs[ref].kind != GRAFT_REF_ADDRESS)
		return false;
	const struct graft_section *section =
		graft_image_section_at(code->image, code->refs[ref].target);
	return section && !graft_section_is_writable(section);
}

static struct graft_confined_value
lea(struct graft_confined_run *run, const struct graft_ops *part,
    const struct graft_op *op, struct graft_confined_state *state)
{
	struct graft_confined_value none = graft_confined_nothing();
	bool indexed = is_general(op->index);

	if (op->has_ref) {
		struct graft_callee callee = graft_op_callee(part, op);
		if (callee.func == GRAFT_NONE) {
			if (leads_to_constant(run, op))
				none.kind = GRAFT_CONFINED_CONSTANT;
			return none;
		}
		none.kind = GRAFT_CONFINED_FUNC;
		none.who = callee.func;
		return none;
	}
	if (indexed && is_address(&state->regs[op->index])) {
		graft_confined_mark(run, &state->regs[op->index]);
		if (is_general(op->base) && is_address(&state->regs[op->base]))
			graft_confined_mark(run, &state->regs[op->base]);
		return none;
	}
	if (!is_general(op->base) || !is_address(&state->regs[op->base]))
		return none;
	struct graft_confined_value from = state->regs[op->base];
	if (from.kind == GRAFT_CONFINED_FUNC || op->dst_size != 8) {
		graft_confined_mark(run, &from);
		return none;
	}
	bool stack = is_stack(part, op->base);
	from = moved(from, op->disp);
	if (stack && is_stack(part, op->dst) && !indexed)
		return stack_moved(from, 0);
	if (stack)
		from = take(run, state, from);
	return indexed && is_address(&from) ? made_vague(from) : from;
}

/** Give up the frame that an address leads to. */
static void
mark_whole(struct graft_confined_run *run,
	   const struct graft_confined_value *value)
{
	struct graft_confined_value whole = *value;

	if (value->kind != GRAFT_CONFINED_FUNC)
		whole.base = GRAFT_CONFINED_WHOLE;
	graft_confined_mark(run, &whole);
}

static struct graft_confined_value
add(struct graft_confined_run *run, const struct graft_ops *part,
    const struct graft_op *op, const struct graft_confined_state *state)
{
	struct graft_confined_value none = graft_confined_nothing();
	struct graft_confined_value a = state->regs[op->dst];
	struct graft_confined_value b = none;

	if (!op->has_mem && !op->has_imm && is_general(op->src))
		b = state->regs[op->src];
	if (!is_address(&a) && !is_address(&b))
		return none;
	// An `alloca`; what is below the rest is no concern.
	if (is_stack(part, op->dst) && !op->has_imm)
		return none;
	// With the distance of two places one leads to the other.
	if (op->subtracts && !op->has_imm) {
		mark_whole(run, &a);
		mark_whole(run, &b);
		return none;
	}
	bool odd = a.kind == GRAFT_CONFINED_FUNC ||
		   b.kind == GRAFT_CONFINED_FUNC || op->dst_size != 8 ||
		   (is_address(&a) && is_address(&b));
	if (odd) {
		if (is_address(&a))
			graft_confined_mark(run, &a);
		if (is_address(&b))
			graft_confined_mark(run, &b);
		return none;
	}
	int64_t by = op->subtracts ? -op->imm : op->imm;
	if (op->has_imm && !op->has_mem)
		return is_stack(part, op->dst) ? stack_moved(a, by)
					       : moved(a, by);
	if (is_stack(part, op->dst))
		return none;
	return made_vague(is_address(&a) ? a : b);
}

/** Find what an instruction leaves in the register that it names first. */
static struct graft_confined_value
result_of(struct graft_confined_run *run, const struct graft_ops *part,
	  const struct graft_op *op, struct graft_confined_state *state)
{
	struct graft_confined_value value = graft_confined_nothing();
	struct graft_confined_value gone[2];
	bool from_reg = !op->has_mem && op->src < 16;
	bool reads_dst = op->dst < 32 && (op->reads & (1U << op->dst));

	switch (op->what) {
	case GRAFT_OP_LEA:
		return lea(run, part, op, state);
	case GRAFT_OP_ADD:
		return op->dst < 16 ? add(run, part, op, state) : value;
	case GRAFT_OP_MOV:
		if (from_reg && op->dst_size == 8 && !op->has_imm) {
			value = state->regs[op->src];
			if (is_stack(part, op->src) && !is_stack(part, op->dst))
				value = take(run, state, value);
			value.fresh = false;
			return value;
		}
		return op->has_mem && op->mem_read && op->dst_size >= 4
			       ? load(run, part, op, state)
			       : value;
	case GRAFT_OP_CMOV:
		if (from_reg)
			value = state->regs[op->src];
		value = graft_confined_join(state->regs[op->dst], value, gone);
		for (int i = 0; i < 2; i++) {
			if (is_address(&gone[i]))
				graft_confined_mark(run, &gone[i]);
		}
		return value;
	default:
		// Vectors are moved by many instructions, and so are numbers
		// that become wider.
		return op->dst_size && op->has_mem && op->mem_read && !reads_dst
			       ? load(run, part, op, state)
			       : value;
	}
}

/** push, pop, leave. */
static bool
step_stack(struct graft_confined_run *run, const struct graft_op *op,
	   struct graft_confined_state *state)
{
	struct graft_confined_value *rsp = &state->regs[GRAFT_REG_RSP];
	struct graft_confined_value value = graft_confined_nothing();

	if (op->what == GRAFT_OP_PUSH) {
		if (!op->has_mem && !op->has_imm && op->first < 16)
			value = state->regs[op->first];
		*rsp = stack_moved(*rsp, -8);
		bool kept = rsp->kind == GRAFT_CONFINED_OWN && !rsp->vague &&
			    graft_confined_store(state, rsp->off, value);
		if (!kept && is_address(&value))
			graft_confined_mark(run, &value);
		return true;
	}
	if (op->what == GRAFT_OP_POP) {
		if (rsp->kind == GRAFT_CONFINED_OWN && !rsp->vague)
			value = graft_confined_read_word(run, state, rsp->off);
		if (op->dst < 16)
			state->regs[op->dst] = value;
		*rsp = stack_moved(*rsp, 8);
		return true;
	}
	if (!op->is_leave)
		return false;
	*rsp = stack_moved(state->regs[GRAFT_REG_RBP], 8);
	state->regs[GRAFT_REG_RBP] = value;
	return true;
}

void
graft_confined_step(void *context, const struct graft_confined_body *body,
		    uint32_t at, struct graft_confined_state *state)
{
	struct graft_confined_run *run = context;
	const struct graft_ops *part;
	const struct graft_op *op = graft_confined_op(body, at, &part);

	if (op->what == GRAFT_OP_NOP)
		return;
	if (op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP | GRAFT_INSN_RET)) {
		if (graft_confined_target(body, at) ==
		    graft_confined_count(body))
			graft_confined_do_call(run, part, op, state);
		return;
	}
	mark_uses(run, op, state);
	if (step_stack(run, op, state))
		return;
	struct graft_confined_value result = graft_confined_nothing();
	if (op->dst != GRAFT_REG_NONE && op->dst < GRAFT_CONFINED_REGS)
		result = result_of(run, part, op, state);
	if (op->mem_write)
		store(run, part, op, state);
	for (uint8_t r = 0; r < GRAFT_CONFINED_REGS; r++) {
		if (op->writes & ((uint32_t)1 << r))
			state->regs[r] = graft_confined_nothing();
	}
	if (op->dst != GRAFT_REG_NONE && op->dst < GRAFT_CONFINED_REGS)
		state->regs[op->dst] = result;
}
