// SPDX-License-Identifier: Apache-2.0

#include "judge/interleave/step.h"

static graft_term
unknown(const struct graft_exec_step *s, unsigned what)
{
	uint64_t data = (uint64_t)s->side->is_new << 63 |
			(uint64_t)s->at << 16 | what;

	return graft_term_get(s->terms, GRAFT_TERM_UNKNOWN, data, 0, 0);
}

/** Get the number of a register, or -1. */
static int
number_of(ZydisRegister reg, bool *xmm_ret)
{
	switch (ZydisRegisterGetClass(reg)) {
	case ZYDIS_REGCLASS_GPR8:
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
		*xmm_ret = false;
		return ZydisRegisterGetId(ZydisRegisterGetLargestEnclosing(
			ZYDIS_MACHINE_MODE_LONG_64, reg));
	case ZYDIS_REGCLASS_XMM:
		*xmm_ret = true;
		return ZydisRegisterGetId(reg) < 16
			       ? 16 + ZydisRegisterGetId(reg)
			       : -1;
	default:
		return -1;
	}
}

static bool
is_high_byte(ZydisRegister reg)
{
	return reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH;
}

static graft_term
read_register(struct graft_exec_step *s, ZydisRegister reg, uint16_t bits)
{
	bool xmm = false;
	int number = number_of(reg, &xmm);

	if (number < 0) {
		s->why = "it uses a register that is not followed";
		return 0;
	}
	graft_term term = s->state->regs[number];
	if (xmm || bits >= 64)
		return term;
	if (is_high_byte(reg))
		return graft_term_get_narrow(s->terms, GRAFT_TERM_LOW, 0x11,
					     term, 0, 1);
	return graft_term_low(s->terms, term, (uint8_t)(bits / 8));
}

static void
write_register(struct graft_exec_step *s, ZydisRegister reg, uint16_t bits,
	       graft_term term)
{
	bool xmm = false;
	int number = number_of(reg, &xmm);

	if (number < 0) {
		s->why = "it uses a register that is not followed";
		return;
	}
	graft_term *to = &s->state->regs[number];
	uint8_t size = (uint8_t)(bits / 8);
	if (xmm || bits >= 64)
		*to = term;
	else if (bits == 32)
		*to = graft_term_low(s->terms, term, 4);
	else
		*to = graft_term_get(s->terms, GRAFT_TERM_MERGE,
				     size | (is_high_byte(reg) ? 0x10U : 0U),
				     *to, graft_term_low(s->terms, term, size));
}

graft_term
graft_exec_address(struct graft_exec_step *s, const ZydisDecodedOperandMem *mem)
{
	int64_t disp = mem->disp.has_displacement ? mem->disp.value : 0;
	graft_term named = graft_side_named(s->side, s->at);
	graft_term base = 0;
	graft_term index = 0;
	uint8_t segment = 0;

	if (mem->segment == ZYDIS_REGISTER_FS)
		segment = 1;
	else if (mem->segment == ZYDIS_REGISTER_GS)
		segment = 2;
	if (mem->base == ZYDIS_REGISTER_RIP) {
		if (!named)
			s->why = "it names a place in its own code";
		return named;
	}
	// An offset of the thread block that moved, or is new.
	if (named)
		base = named;
	else if (mem->base != ZYDIS_REGISTER_NONE)
		base = read_register(s, mem->base, 64);
	if (mem->index != ZYDIS_REGISTER_NONE)
		index = read_register(s, mem->index, 64);
	return graft_term_sum(s->terms, base, index, mem->scale, disp, segment);
}

static graft_term
read_slot(struct graft_exec_step *s, int64_t off, uint8_t size)
{
	for (uint32_t i = 0; i < s->state->slot_count; i++) {
		const struct graft_side_slot *slot = &s->state->slots[i];
		if (slot->off + slot->size <= off || off + size <= slot->off)
			continue;
		if (slot->off == off && slot->size == size)
			return slot->term;
		if (slot->off == off && slot->size > size)
			return graft_term_low(s->terms, slot->term, size);
		return unknown(s, 1);
	}
	if (off >= 8)
		return graft_term_get_narrow(s->terms, GRAFT_TERM_ENTRY_STACK,
					     (uint64_t)off << 8 | size, 0, 0,
					     size);
	return unknown(s, 2);
}

static void
write_slot(struct graft_exec_step *s, int64_t off, uint8_t size,
	   graft_term term)
{
	struct graft_side_state *state = s->state;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < state->slot_count; i++) {
		const struct graft_side_slot *slot = &state->slots[i];
		if (slot->off + slot->size <= off || off + size <= slot->off) {
			state->slots[kept++] = *slot;
			continue;
		}
		// What is left of it must not look as if it were never written.
		if (slot->off < off || slot->off + slot->size > off + size)
			s->why = "it writes to a part of what its frame holds";
	}
	state->slot_count = kept;
	if (kept == GRAFT_SIDE_SLOTS) {
		s->why = "its frame holds too much";
		return;
	}
	state->slots[state->slot_count++] = (struct graft_side_slot){
		.off = off, .size = size, .term = term
	};
}

static graft_term
load(struct graft_exec_step *s, graft_term addr, uint8_t size)
{
	struct graft_side_state *state = s->state;
	struct graft_side_load *known = NULL;
	int64_t off;

	if (graft_term_in_frame(s->terms, addr, &off))
		return read_slot(s, off, size);
	if (graft_term_at(s->terms, addr)->framed)
		return unknown(s, 3);
	for (uint32_t i = 0; i < state->load_count && !known; i++) {
		if (state->loads[i].addr == addr &&
		    state->loads[i].size == size)
			known = &state->loads[i];
	}
	if (!known && state->load_count == GRAFT_SIDE_LOADS)
		return unknown(s, 4);
	if (!known) {
		known = &state->loads[state->load_count++];
		*known = (struct graft_side_load){ .addr = addr, .size = size };
	}
	if (known->asked && known->again == UINT8_MAX)
		return unknown(s, 4);
	known->again += known->asked;
	known->asked = false;
	return graft_term_get_narrow(s->terms, GRAFT_TERM_LOAD,
				     (uint64_t)known->again << 8 | size, addr,
				     s->now, size);
}

graft_term
graft_exec_read(struct graft_exec_step *s, const ZydisDecodedOperand *o)
{
	switch (o->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		return read_register(s, o->reg.value, o->size);
	case ZYDIS_OPERAND_TYPE_MEMORY: {
		graft_term addr = graft_exec_address(s, &o->mem);
		if (o->mem.type == ZYDIS_MEMOP_TYPE_AGEN)
			return addr;
		if (o->size > 128)
			s->why = "it loads more than 16 bytes at once";
		return load(s, addr, (uint8_t)(o->size / 8));
	}
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		return graft_term_const(
			s->terms, (uint64_t)o->imm.value.s,
			(uint8_t)(s->d->insn.operand_width / 8));
	default:
		s->why = "it has an operand that is not followed";
		return 0;
	}
}

graft_term
graft_exec_arg(struct graft_exec_step *s, graft_term args, uint64_t mark,
	       graft_term term)
{
	return graft_term_get(s->terms, GRAFT_TERM_ARG, 1U << 16 | mark, term,
			      args);
}

void
graft_exec_write(struct graft_exec_step *s, const ZydisDecodedOperand *o,
		 graft_term term)
{
	int64_t off;

	if (o->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		write_register(s, o->reg.value, o->size, term);
		return;
	}
	if (o->size > 128) {
		s->why = "it stores more than 16 bytes at once";
		return;
	}
	graft_term addr = graft_exec_address(s, &o->mem);
	if (graft_term_in_frame(s->terms, addr, &off)) {
		write_slot(s, off, (uint8_t)(o->size / 8), term);
		return;
	}
	if (graft_term_at(s->terms, addr)->framed)
		s->why = "it writes to a computed place in its frame";
	else if (graft_term_at(s->terms, term)->framed)
		s->why = "the address of something in its frame leaves it";
	graft_term what = graft_exec_arg(s, term, GRAFT_STEP_ADDRESS, addr);
	bool locked = s->d->insn.attributes & ZYDIS_ATTRIB_HAS_LOCK;
	s->effect = graft_term_get(s->terms, GRAFT_TERM_OP,
				   (uint64_t)o->size << 32 | locked, what, 0);
}

/** Let %rsp be another address in the frame; false if that is not known. */
static bool
move_stack(struct graft_exec_step *s, int64_t by, int64_t *off_ret)
{
	graft_term *rsp = &s->state->regs[GRAFT_REG_RSP];

	if (!graft_term_in_frame(s->terms, *rsp, off_ret)) {
		s->why = "its stack is at a place that is computed";
		return false;
	}
	*rsp = graft_term_sum(s->terms, *rsp, 0, 0, by, 0);
	return true;
}

void
graft_exec_push(struct graft_exec_step *s, graft_term term)
{
	int64_t off;

	if (move_stack(s, -8, &off))
		write_slot(s, off - 8, 8, term);
}

graft_term
graft_exec_pop(struct graft_exec_step *s)
{
	int64_t off;

	return move_stack(s, 8, &off) ? read_slot(s, off, 8) : 0;
}
