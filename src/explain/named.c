// SPDX-License-Identifier: Apache-2.0

#include "explain/named.h"

bool
graft_named_find(const ZydisDecodedInstruction *insn,
		 const ZydisDecodedOperand *operands, uint64_t addr,
		 uint64_t *ret)
{
	for (unsigned i = 0; i < insn->operand_count_visible; i++) {
		const ZydisDecodedOperand *operand = &operands[i];
		bool branch = operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
			      operand->imm.is_relative;
		bool memory = operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
			      operand->mem.base == ZYDIS_REGISTER_RIP;
		ZyanU64 target;

		if ((branch || memory) &&
		    ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(insn, operand, addr,
							  &target))) {
			*ret = target;
			return true;
		}
	}
	return false;
}
