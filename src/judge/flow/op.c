// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/op.h"

#include "diff/code/absolute.h"
#include "judge/flow/op_decode.h"

#include <stdio.h>
#include <stdlib.h>

/** Decode an instruction as it is. */
static bool
decode(const struct graft_code *code, const struct graft_func *func,
       const struct graft_insn *insn, struct graft_decoded *ret)
{
	ZydisDecoder decoder;
	const uint8_t *bytes = graft_func_bytes(code, func);

	if (!bytes || (insn->flags & GRAFT_INSN_BAD))
		return false;
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64,
			 ZYDIS_STACK_WIDTH_64);
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes + insn->off,
						   insn->len, &ret->insn,
						   ret->operands));
}

bool
graft_op_decode(const struct graft_code *code, const struct graft_func *func,
		const struct graft_insn *insn, struct graft_decoded *ret)
{
	if (!decode(code, func, insn, ret))
		return false;
	graft_absolute_show(code, func, insn, &ret->insn, ret->operands);
	return true;
}

static uint32_t
bit_of(uint8_t reg)
{
	return reg < 32 ? (uint32_t)1 << reg : 0;
}

void
graft_ops_deinit(struct graft_ops *ops)
{
	free(ops->ops);
	*ops = (struct graft_ops){ 0 };
}

bool
graft_op_in_frame(const struct graft_ops *ops, const struct graft_op *op)
{
	if (!op->has_mem)
		return false;
	return op->base == GRAFT_REG_RSP ||
	       (op->base == GRAFT_REG_RBP && ops->frame_pointer);
}

bool
graft_op_through_pointer(const struct graft_ops *ops, const struct graft_op *op)
{
	return op->has_mem && !op->has_ref && op->base != GRAFT_REG_NONE &&
	       op->what != GRAFT_OP_LEA && !graft_op_in_frame(ops, op);
}

bool
graft_op_stores_out(const struct graft_ops *ops, const struct graft_op *op)
{
	return op->what == GRAFT_OP_MOV && op->mem_write && op->src < 16 &&
	       !graft_op_in_frame(ops, op);
}

bool
graft_op_loads_constant(const struct graft_op *op, uint8_t reg,
			int64_t *value_ret)
{
	if (op->dst != reg)
		return false;
	if (op->what == GRAFT_OP_ZERO) {
		*value_ret = 0;
		return true;
	}
	if (op->what != GRAFT_OP_MOV || !op->has_imm)
		return false;
	*value_ret = op->imm;
	return true;
}

uint32_t
graft_op_at(const struct graft_ops *ops, uint64_t addr)
{
	const struct graft_func *func = &ops->code->funcs[ops->func];
	uint32_t insn = graft_code_insn_at(ops->code, func, addr);

	if (insn != GRAFT_NONE)
		return insn - func->first_insn;
	for (uint32_t i = ops->own_count; i < ops->count; i++) {
		if (ops->ops[i].addr == addr)
			return i;
	}
	return ops->count;
}

bool
graft_reg_is_volatile(uint8_t reg)
{
	switch (reg) {
	case GRAFT_REG_RBX:
	case GRAFT_REG_RSP:
	case GRAFT_REG_RBP:
		return false;
	default:
		return reg < 12 || reg >= GRAFT_REG_XMM0;
	}
}

uint32_t
graft_op_writer(const struct graft_ops *ops, uint32_t at, uint8_t reg)
{
	for (uint32_t back = 1; back <= GRAFT_OP_BACK_MAX && back <= at;
	     back++) {
		const struct graft_op *op = &ops->ops[at - back];
		if (op->writes & bit_of(reg))
			return at - back;
		if ((op->flags & GRAFT_INSN_CALL) && graft_reg_is_volatile(reg))
			return ops->count;
		if (op->ends)
			return ops->count;
	}
	return ops->count;
}

bool
graft_op_find_constant(const struct graft_ops *ops, uint32_t at, uint8_t reg,
		       int64_t *value_ret)
{
	uint32_t writer = graft_op_writer(ops, at, reg);

	return writer < ops->count &&
	       graft_op_loads_constant(&ops->ops[writer], reg, value_ret);
}

struct graft_callee
graft_op_callee(const struct graft_ops *ops, const struct graft_op *op)
{
	return graft_callee_of(ops->code, &ops->code->insns[op->insn]);
}

struct graft_op_text
graft_op_print(const struct graft_ops *ops, const struct graft_op *op)
{
	struct graft_op_text text = { .str = "(bad)" };
	ZydisFormatter formatter;
	struct graft_decoded d = { 0 };

	if (!decode(ops->code, &ops->code->funcs[op->func],
		    &ops->code->insns[op->insn], &d))
		return text;
	ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT);
	ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_HEX_PREFIX,
				  (ZyanUPointer) "0x");
	ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_DISP_PADDING,
				  ZYDIS_PADDING_DISABLED);
	ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_IMM_PADDING,
				  ZYDIS_PADDING_DISABLED);
	ZydisFormatterSetProperty(&formatter,
				  ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE,
				  ZYDIS_PADDING_DISABLED);
	ZydisFormatterSetProperty(
		&formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
	(void)ZydisFormatterFormatInstruction(
		&formatter, &d.insn, d.operands, d.insn.operand_count_visible,
		text.str, sizeof(text.str), op->addr, NULL);
	return text;
}
