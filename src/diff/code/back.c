// SPDX-License-Identifier: Apache-2.0

#include "diff/code/back.h"

#include "diff/code/register.h"

enum { VOLATILE = 0x0fc7 };

static void
hold(struct graft_back *back, uint8_t reg, uint32_t what)
{
	back->held += (what != 0) - (back->holds[reg] != 0);
	back->holds[reg] = what;
	back->exact[reg] = 0;
	back->loaded[reg] = 0;
}

void
graft_back_take(struct graft_back *back, uint8_t reg, uint32_t ref)
{
	hold(back, reg, ref + 1);
	back->exact[reg] = ref + 1;
	back->negative &= (uint16_t) ~(1U << reg);
	back->distance &= (uint16_t) ~(1U << reg);
}

static void
mark(const struct graft_back *back, struct graft_ref *refs, uint8_t reg)
{
	if (reg != GRAFT_REGISTER_NONE && back->holds[reg])
		refs[back->holds[reg] - 1].back = true;
}

static bool
is_negative(const struct graft_back *back, uint8_t reg)
{
	return reg != GRAFT_REGISTER_NONE && (back->negative & 1U << reg);
}

static void
note_address(struct graft_back *back, struct graft_ref *refs,
	     const ZydisDecodedOperand *operand)
{
	uint8_t base = graft_register_number(operand->mem.base);
	uint8_t index = graft_register_number(operand->mem.index);
	bool below = operand->mem.disp.has_displacement &&
		     operand->mem.disp.value < 0;

	if (below || is_negative(back, index))
		mark(back, refs, base);
	if (below || is_negative(back, base))
		mark(back, refs, index);
}

/** What does the second operand hold? */
static uint32_t
held_by(const struct graft_back *back, const ZydisDecodedOperand *operand)
{
	uint8_t reg = GRAFT_REGISTER_NONE;
	uint8_t index = GRAFT_REGISTER_NONE;

	if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		reg = graft_register_number(operand->reg.value);
	} else if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		   operand->mem.type == ZYDIS_MEMOP_TYPE_AGEN) {
		reg = graft_register_number(operand->mem.base);
		index = graft_register_number(operand->mem.index);
	}
	if (reg != GRAFT_REGISTER_NONE && back->holds[reg])
		return back->holds[reg];
	return index == GRAFT_REGISTER_NONE ? 0 : back->holds[index];
}

/** A loaded distance and an address are added, in either order. */
static void
note_sum(const struct graft_back *back, struct graft_ref *refs, uint8_t a,
	 uint8_t b)
{
	if (a == GRAFT_REGISTER_NONE || b == GRAFT_REGISTER_NONE)
		return;
	if ((back->distance & 1U << a) && back->holds[b])
		refs[back->holds[b] - 1].spread = true;
	if ((back->distance & 1U << b) && back->holds[a])
		refs[back->holds[a] - 1].spread = true;
}

/** A distance and the very address behind which it was loaded are added. */
static void
note_table(const struct graft_back *back, struct graft_ref *refs, uint8_t a,
	   uint8_t b)
{
	if (a == GRAFT_REGISTER_NONE || b == GRAFT_REGISTER_NONE)
		return;
	if (back->loaded[a] && back->loaded[a] == back->exact[b])
		refs[back->loaded[a] - 1].table = true;
	if (back->loaded[b] && back->loaded[b] == back->exact[a])
		refs[back->loaded[b] - 1].table = true;
}

/** Find the sums of registers that an instruction makes. */
static void
note_sums(const struct graft_back *back, struct graft_ref *refs,
	  const ZydisDecodedInstruction *insn,
	  const ZydisDecodedOperand *operands)
{
	for (int i = 0; i < insn->operand_count; i++) {
		if (operands[i].type != ZYDIS_OPERAND_TYPE_MEMORY)
			continue;
		uint8_t base = graft_register_number(operands[i].mem.base);
		uint8_t index = graft_register_number(operands[i].mem.index);
		note_sum(back, refs, base, index);
		// `next[next[i]]` counts elements, not bytes.
		if (operands[i].mem.scale == 1)
			note_table(back, refs, base, index);
	}
	if (insn->mnemonic == ZYDIS_MNEMONIC_ADD &&
	    operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER) {
		uint8_t a = graft_register_number(operands[0].reg.value);
		uint8_t b = graft_register_number(operands[1].reg.value);
		note_sum(back, refs, a, b);
		note_table(back, refs, a, b);
	}
}

/** Does a register get a 32-bit number from a table, or a copy of one? */
static bool
gets_distance(const struct graft_back *back,
	      const ZydisDecodedInstruction *insn,
	      const ZydisDecodedOperand *operands)
{
	if (insn->mnemonic == ZYDIS_MNEMONIC_MOVSXD)
		return operands[1].type == ZYDIS_OPERAND_TYPE_MEMORY;
	if (insn->mnemonic != ZYDIS_MNEMONIC_MOV ||
	    operands[1].type != ZYDIS_OPERAND_TYPE_REGISTER)
		return false;
	uint8_t from = graft_register_number(operands[1].reg.value);
	return from != GRAFT_REGISTER_NONE && (back->distance & 1U << from);
}

/** Find the reference behind which a register gets a 32-bit number, or a copy of
 * one; 1 + its index, or 0. */
static uint32_t
loads_behind(const struct graft_back *back, const ZydisDecodedInstruction *insn,
	     const ZydisDecodedOperand *operands)
{
	const ZydisDecodedOperandMem *mem = &operands[1].mem;

	if (insn->mnemonic == ZYDIS_MNEMONIC_MOV &&
	    operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER) {
		uint8_t from = graft_register_number(operands[1].reg.value);
		return from == GRAFT_REGISTER_NONE ? 0 : back->loaded[from];
	}
	if (insn->mnemonic != ZYDIS_MNEMONIC_MOVSXD ||
	    operands[1].type != ZYDIS_OPERAND_TYPE_MEMORY || mem->scale != 4 ||
	    (mem->disp.has_displacement && mem->disp.value != 0))
		return 0;
	uint8_t base = graft_register_number(mem->base);
	return base == GRAFT_REGISTER_NONE ? 0 : back->exact[base];
}

/** Find the reference that a register gets a copy of, not moved; 1 + its index,
 * or 0. */
static uint32_t
copies_exactly(const struct graft_back *back,
	       const ZydisDecodedInstruction *insn,
	       const ZydisDecodedOperand *operands)
{
	if (insn->mnemonic != ZYDIS_MNEMONIC_MOV || insn->operand_width != 64 ||
	    operands[1].type != ZYDIS_OPERAND_TYPE_REGISTER)
		return 0;
	uint8_t from = graft_register_number(operands[1].reg.value);
	return from == GRAFT_REGISTER_NONE ? 0 : back->exact[from];
}

/** The first operand is a register that is written. */
static void
note_write(struct graft_back *back, struct graft_ref *refs,
	   const ZydisDecodedInstruction *insn,
	   const ZydisDecodedOperand *operands, uint8_t reg)
{
	const ZydisDecodedOperand *second = &operands[1];
	bool has_imm = insn->operand_count > 1 &&
		       second->type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
	bool minus = has_imm && second->imm.value.s < 0;
	uint32_t holds = back->holds[reg];
	bool negative = false;

	switch (insn->mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_LEA:
		holds = held_by(back, second);
		negative = minus;
		break;
	case ZYDIS_MNEMONIC_ADD:
		if (minus)
			mark(back, refs, reg);
		if (!holds)
			holds = held_by(back, second);
		negative = is_negative(back, reg);
		break;
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_DEC:
		mark(back, refs, reg);
		break;
	case ZYDIS_MNEMONIC_INC:
		negative = is_negative(back, reg);
		break;
	case ZYDIS_MNEMONIC_OR:
		holds = 0;
		negative = minus;
		break;
	case ZYDIS_MNEMONIC_NEG:
		holds = 0;
		negative = true;
		break;
	default:
		if (insn->meta.category == ZYDIS_CATEGORY_CMOV) {
			if (!holds)
				holds = held_by(back, second);
		} else {
			holds = 0;
		}
		break;
	}
	uint32_t exact = copies_exactly(back, insn, operands);
	uint32_t loaded = loads_behind(back, insn, operands);
	hold(back, reg, holds);
	back->exact[reg] = exact;
	back->loaded[reg] = loaded;
	back->negative &= (uint16_t) ~(1U << reg);
	back->negative |= (uint16_t)(negative << reg);
	bool distance = gets_distance(back, insn, operands);
	back->distance &= (uint16_t) ~(1U << reg);
	back->distance |= (uint16_t)(distance << reg);
}

void
graft_back_note(struct graft_back *back, struct graft_ref *refs,
		const ZydisDecodedInstruction *insn,
		const ZydisDecodedOperand *operands)
{
	for (int i = 0; i < insn->operand_count; i++) {
		if (operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY)
			note_address(back, refs, &operands[i]);
	}
	note_sums(back, refs, insn, operands);
	for (int i = 0; i < insn->operand_count; i++) {
		if (operands[i].type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    !(operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		uint8_t reg = graft_register_number(operands[i].reg.value);
		if (reg == GRAFT_REGISTER_NONE)
			continue;
		if (i == 0)
			note_write(back, refs, insn, operands, reg);
		else
			hold(back, reg, 0);
	}
	for (uint8_t reg = 0;
	     insn->meta.category == ZYDIS_CATEGORY_CALL && reg < 16; reg++) {
		if (VOLATILE & 1U << reg)
			hold(back, reg, 0);
	}
}
