// SPDX-License-Identifier: Apache-2.0

#include "plan/stack_step.h"

static uint8_t
reg_of(ZydisRegister reg)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(
		ZYDIS_MACHINE_MODE_LONG_64, reg);

	return whole >= ZYDIS_REGISTER_RAX && whole <= ZYDIS_REGISTER_R15
		       ? (uint8_t)(whole - ZYDIS_REGISTER_RAX)
		       : GRAFT_STEP_NO_REG;
}

bool
graft_step_is_volatile(uint8_t reg)
{
	return reg != 3 && reg != GRAFT_STEP_RSP && reg != GRAFT_STEP_RBP &&
	       reg < 12;
}

/** Read what one or two operands say. */
static void
read_operands(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *a,
	      const ZydisDecodedOperand *b, struct graft_step *step)
{
	const ZydisDecodedOperand *memory = a->type == ZYDIS_OPERAND_TYPE_MEMORY
						    ? a
						    : b;
	bool to_reg = a->type == ZYDIS_OPERAND_TYPE_REGISTER;

	if (to_reg)
		step->dst = reg_of(a->reg.value);
	if (b->type == ZYDIS_OPERAND_TYPE_REGISTER)
		step->src = reg_of(b->reg.value);
	if (memory->type == ZYDIS_OPERAND_TYPE_MEMORY) {
		step->index = reg_of(memory->mem.index);
		step->disp = (int32_t)memory->mem.disp.value;
	}
	switch (insn->mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		if (!to_reg && step->src != GRAFT_STEP_NO_REG) {
			step->what = GRAFT_STEP_STORE;
			step->dst = reg_of(memory->mem.base);
		} else if (to_reg &&
			   memory->type == ZYDIS_OPERAND_TYPE_MEMORY) {
			step->what = GRAFT_STEP_LOAD;
			step->src = reg_of(memory->mem.base);
		} else if (to_reg && step->src != GRAFT_STEP_NO_REG) {
			step->what = GRAFT_STEP_COPY;
		}
		break;
	case ZYDIS_MNEMONIC_LEA:
		step->what = GRAFT_STEP_ADDRESS;
		step->src = reg_of(memory->mem.base);
		break;
	case ZYDIS_MNEMONIC_XCHG:
		step->what = GRAFT_STEP_SWAP;
		break;
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_AND:
	case ZYDIS_MNEMONIC_OR:
	case ZYDIS_MNEMONIC_INC:
	case ZYDIS_MNEMONIC_DEC:
		step->what = to_reg ? GRAFT_STEP_CHANGE : GRAFT_STEP_OTHER;
		break;
	default:
		break;
	}
}

struct graft_step
graft_step_read(const ZydisDecodedInstruction *insn,
		const ZydisDecodedOperand *operands)
{
	static const ZydisDecodedOperand none = { 0 };
	struct graft_step step = { .dst = GRAFT_STEP_NO_REG,
				   .src = GRAFT_STEP_NO_REG,
				   .index = GRAFT_STEP_NO_REG };
	bool two = insn->operand_count_visible > 1;

	for (uint8_t i = 0; i < insn->operand_count; i++) {
		const ZydisDecodedOperand *operand = &operands[i];
		uint8_t reg = operand->type == ZYDIS_OPERAND_TYPE_REGISTER
				      ? reg_of(operand->reg.value)
				      : GRAFT_STEP_NO_REG;
		if (reg != GRAFT_STEP_NO_REG &&
		    (operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			step.writes |= (uint16_t)(1U << reg);
	}
	switch (insn->mnemonic) {
	case ZYDIS_MNEMONIC_CALL:
		step.is_call = true;
		return step;
	case ZYDIS_MNEMONIC_RET:
	case ZYDIS_MNEMONIC_JMP:
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_HLT:
		step.ends = true;
		return step;
	case ZYDIS_MNEMONIC_NOP:
	case ZYDIS_MNEMONIC_INT3:
		step.is_gap = true;
		return step;
	case ZYDIS_MNEMONIC_PUSH:
		step.what = GRAFT_STEP_STORE;
		step.disp = GRAFT_STEP_ANY_DISP;
		step.dst = GRAFT_STEP_RSP;
		if (operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER)
			step.src = reg_of(operands[0].reg.value);
		return step;
	case ZYDIS_MNEMONIC_POP:
		step.what = GRAFT_STEP_POP;
		if (operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER)
			step.dst = reg_of(operands[0].reg.value);
		return step;
	case ZYDIS_MNEMONIC_LEAVE:
		step.what = GRAFT_STEP_POP;
		step.dst = GRAFT_STEP_RBP;
		return step;
	default:
		break;
	}
	if (insn->operand_count_visible)
		read_operands(insn, &operands[0], two ? &operands[1] : &none,
			      &step);
	return step;
}
