// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/op.h"

#include "base/hash.h"
#include "judge/flow/op_decode.h"

#include <stdlib.h>
#include <string.h>

static uint8_t
reg_of(ZydisRegister reg)
{
	if (reg == ZYDIS_REGISTER_NONE)
		return GRAFT_REG_NONE;
	if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP)
		return GRAFT_REG_RIP;
	switch (ZydisRegisterGetClass(reg)) {
	case ZYDIS_REGCLASS_GPR8:
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
		reg = ZydisRegisterGetLargestEnclosing(
			ZYDIS_MACHINE_MODE_LONG_64, reg);
		return (uint8_t)ZydisRegisterGetId(reg);
	case ZYDIS_REGCLASS_XMM:
	case ZYDIS_REGCLASS_YMM:
	case ZYDIS_REGCLASS_ZMM: {
		int id = ZydisRegisterGetId(reg);
		return id < 16 ? (uint8_t)(GRAFT_REG_XMM0 + id)
			       : GRAFT_REG_NONE;
	}
	default:
		return GRAFT_REG_NONE;
	}
}

static uint32_t
bit_of(uint8_t reg)
{
	return reg < 32 ? (uint32_t)1 << reg : 0;
}

static uint8_t
class_of(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		return GRAFT_OP_MOV;
	case ZYDIS_MNEMONIC_LEA:
		return GRAFT_OP_LEA;
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
		return GRAFT_OP_ADD;
	case ZYDIS_MNEMONIC_OR:
	case ZYDIS_MNEMONIC_AND:
	case ZYDIS_MNEMONIC_XOR:
		return GRAFT_OP_BITS;
	case ZYDIS_MNEMONIC_IMUL:
		return GRAFT_OP_IMUL;
	case ZYDIS_MNEMONIC_SHL:
		return GRAFT_OP_SHIFT;
	case ZYDIS_MNEMONIC_CMP:
		return GRAFT_OP_CMP;
	case ZYDIS_MNEMONIC_TEST:
		return GRAFT_OP_TEST;
	case ZYDIS_MNEMONIC_PUSH:
		return GRAFT_OP_PUSH;
	case ZYDIS_MNEMONIC_POP:
		return GRAFT_OP_POP;
	case ZYDIS_MNEMONIC_NOP:
	case ZYDIS_MNEMONIC_ENDBR64:
		return GRAFT_OP_NOP;
	default:
		return mnemonic >= ZYDIS_MNEMONIC_CMOVB &&
				       mnemonic <= ZYDIS_MNEMONIC_CMOVZ
			       ? GRAFT_OP_CMOV
			       : GRAFT_OP_OTHER;
	}
}

bool
graft_op_is_zeroing(const struct graft_decoded *d)
{
	switch (d->insn.mnemonic) {
	case ZYDIS_MNEMONIC_XOR:
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_PXOR:
	case ZYDIS_MNEMONIC_XORPS:
	case ZYDIS_MNEMONIC_XORPD:
		return d->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		       d->operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		       d->operands[0].reg.value == d->operands[1].reg.value;
	default:
		return false;
	}
}

/** Say whether all bits of a register that an instruction reads count: not
 * where it is pushed as a filler, or tells a bit or a distance by which to shift.
 */
static bool
counts_wholly(const struct graft_op *op, int number)
{
	switch (op->mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
		return false;
	case ZYDIS_MNEMONIC_BT:
	case ZYDIS_MNEMONIC_BTC:
	case ZYDIS_MNEMONIC_BTR:
	case ZYDIS_MNEMONIC_BTS:
		return number != 1;
	case ZYDIS_MNEMONIC_SARX:
	case ZYDIS_MNEMONIC_SHLX:
	case ZYDIS_MNEMONIC_SHRX:
		return number != 2;
	default:
		return true;
	}
}

static void
read_register(const ZydisDecodedOperand *operand, int number,
	      struct graft_op *op)
{
	uint8_t reg = reg_of(operand->reg.value);
	bool wide = operand->size >= 32;

	if (operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ) {
		op->reads |= bit_of(reg);
		if (operand->size == 64 && counts_wholly(op, number))
			op->wide |= bit_of(reg);
	}
	// What an instruction may write, it writes: %rax of `cmpxchg` is another
	// value where that fails. Only of a copy both values are asked for.
	bool written = op->what == GRAFT_OP_CMOV
			       ? operand->actions & ZYDIS_OPERAND_ACTION_WRITE
			       : operand->actions &
					 ZYDIS_OPERAND_ACTION_MASK_WRITE;
	if (written && wide) {
		op->writes |= bit_of(reg);
		if (number == 0) {
			op->dst = reg;
			op->dst_size = (uint8_t)(operand->size / 8);
		}
	}
	if (number == 0 && wide && op->what == GRAFT_OP_CMOV) {
		op->dst = reg;
		op->dst_size = (uint8_t)(operand->size / 8);
	}
	if (number == 0)
		op->first = reg;
	if (number == 1)
		op->src = reg;
	if (operand->visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT) {
		op->shape = (uint32_t)graft_hash_mix(op->shape,
						     0x100U + operand->size);
		op->regs = (uint32_t)graft_hash_mix(op->regs, reg);
	}
}

static void
read_memory(const ZydisDecodedOperand *operand, struct graft_op *op)
{
	const ZydisDecodedOperandMem *mem = &operand->mem;
	bool is_explicit = operand->visibility ==
			   ZYDIS_OPERAND_VISIBILITY_EXPLICIT;

	op->reads |= bit_of(reg_of(mem->base)) | bit_of(reg_of(mem->index));
	// `lea` may compute with numbers of 32 bits.
	if (op->what != GRAFT_OP_LEA || op->dst_size == 8)
		op->wide |= bit_of(reg_of(mem->base)) |
			    bit_of(reg_of(mem->index));
	if (!is_explicit || op->what == GRAFT_OP_NOP)
		return;
	op->has_mem = true;
	op->base = reg_of(mem->base);
	op->index = reg_of(mem->index);
	op->scale = mem->scale;
	op->disp = mem->disp.has_displacement ? mem->disp.value : 0;
	op->mem_size = operand->size / 8;
	op->mem_read = operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ;
	op->mem_write = operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
	op->mem_float = operand->element_count == 1 &&
			(operand->element_type == ZYDIS_ELEMENT_TYPE_FLOAT32 ||
			 operand->element_type == ZYDIS_ELEMENT_TYPE_FLOAT64);
	op->has_ref = op->base == GRAFT_REG_RIP;
	uint64_t form = 0x200U + operand->size;
	form |= (uint64_t)(op->has_ref) << 20 | (uint64_t)mem->scale << 24;
	form |= (uint64_t)(op->index != GRAFT_REG_NONE) << 21;
	form |= (uint64_t)mem->segment << 32;
	op->shape = (uint32_t)graft_hash_mix(op->shape, form);
	op->regs = (uint32_t)graft_hash_mix(
		op->regs, ((uint64_t)op->base << 8) | op->index);
}

static uint8_t
atomic_of(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_INC:
		return GRAFT_ATOMIC_INC;
	case ZYDIS_MNEMONIC_DEC:
		return GRAFT_ATOMIC_DEC;
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_XADD:
		return GRAFT_ATOMIC_ADD;
	case ZYDIS_MNEMONIC_SUB:
		return GRAFT_ATOMIC_SUB;
	default:
		return GRAFT_ATOMIC_OTHER;
	}
}

/** Find the registers of which the instruction knows the lowest byte only. */
static void
read_low_bytes(const struct graft_decoded *d, struct graft_op *op)
{
	uint32_t low_reads = 0;
	uint32_t low_writes = 0;
	uint32_t more = 0;

	for (int i = 0; i < d->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &d->operands[i];
		if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY) {
			more |= bit_of(reg_of(operand->mem.base)) |
				bit_of(reg_of(operand->mem.index));
			continue;
		}
		if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER)
			continue;
		uint32_t bit = bit_of(reg_of(operand->reg.value));
		bool low = operand->size == 8 &&
			   !(operand->reg.value >= ZYDIS_REGISTER_AH &&
			     operand->reg.value <= ZYDIS_REGISTER_BH);
		if (!low)
			more |= bit;
		else if (operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
			low_reads |= bit;
		else if (operand->actions & ZYDIS_OPERAND_ACTION_WRITE)
			low_writes |= bit;
	}
	op->low_reads = (uint16_t)(low_reads & ~more);
	op->low_writes = (uint16_t)(low_writes & ~more);
}

static void
read_operands(const struct graft_decoded *d, struct graft_op *op)
{
	op->mnemonic = (uint16_t)d->insn.mnemonic;
	op->what = class_of(d->insn.mnemonic);
	op->subtracts = op->mnemonic == ZYDIS_MNEMONIC_SUB;
	op->is_atomic = d->insn.attributes & ZYDIS_ATTRIB_HAS_LOCK;
	op->atomic = atomic_of(d->insn.mnemonic);
	op->is_leave = op->mnemonic == ZYDIS_MNEMONIC_LEAVE;
	op->shape = (uint32_t)graft_hash_mix(1, op->mnemonic);
	op->ends = d->insn.meta.category == ZYDIS_CATEGORY_UNCOND_BR ||
		   d->insn.meta.category == ZYDIS_CATEGORY_RET;
	for (int i = 0; i < d->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &d->operands[i];
		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER) {
			read_register(operand, i, op);
		} else if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY) {
			read_memory(operand, op);
		} else if (operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
			   !operand->imm.is_relative) {
			op->has_imm = true;
			op->imm = operand->imm.value.s;
			op->shape = (uint32_t)graft_hash_mix(
				op->shape, 0x300U + operand->size);
		}
	}
	// `or $-1` and `and $0` are how -Os loads constants.
	bool loads = (op->mnemonic == ZYDIS_MNEMONIC_OR && op->imm == -1) ||
		     (op->mnemonic == ZYDIS_MNEMONIC_AND && op->imm == 0);
	if (loads && op->has_imm && op->dst != GRAFT_REG_NONE) {
		op->what = GRAFT_OP_MOV;
		op->reads = 0;
	}
	if (graft_op_is_zeroing(d)) {
		op->what = GRAFT_OP_ZERO;
		op->reads = 0;
	}
	op->wide &= op->reads;
	read_low_bytes(d, op);
}

static bool
has_frame_pointer(const struct graft_ops *ops)
{
	uint32_t end = ops->count < 24 ? ops->count : 24;

	for (uint32_t i = 0; i < end; i++) {
		if (ops->ops[i].what == GRAFT_OP_MOV &&
		    ops->ops[i].dst == GRAFT_REG_RBP &&
		    ops->ops[i].src == GRAFT_REG_RSP)
			return true;
	}
	return false;
}

/** Say whether a cut-off part of a function uses the frame pointer of the rest:
 * it has %rbp but never saves it. */
static bool
inherits_frame_pointer(const struct graft_ops *ops)
{
	const struct graft_func *func = &ops->code->funcs[ops->func];
	const struct graft_code *code = ops->code;

	if (func->group == ops->func || func->group >= code->func_count)
		return false;
	const struct graft_func *head = &code->funcs[func->group];
	struct graft_decoded d;
	uint32_t end = head->insn_count < 24 ? head->insn_count : 24;
	for (uint32_t i = 0; i < end; i++) {
		if (graft_op_decode(code, head,
				    &code->insns[head->first_insn + i], &d) &&
		    d.insn.mnemonic == ZYDIS_MNEMONIC_MOV &&
		    d.operands[0].reg.value == ZYDIS_REGISTER_RBP &&
		    d.operands[1].reg.value == ZYDIS_REGISTER_RSP)
			return true;
	}
	return false;
}

/**
 * Show what an instruction does with an absolute address that is part of an operand
 * (diff/code/absolute.h) as code does that moves: what it reaches stands at a distance
 * from the start of an object, and the address is no number.
 */
static void
read_folded(const struct graft_code *code, const struct graft_ref *ref,
	    struct graft_op *op)
{
	const struct graft_symbol *object = graft_image_object_at(code->image,
								  ref->target);
	uint32_t low = (uint32_t)ref->target;

	if (op->has_imm && (uint32_t)op->imm == low) {
		op->has_imm = false;
		op->imm = 0;
	}
	if (!op->has_mem || (uint32_t)op->disp != low)
		return;
	op->disp = object ? (int64_t)(ref->target - object->addr) : 0;
	if (op->base == GRAFT_REG_NONE)
		op->base = op->index;
}

static void
read_all_folded(const struct graft_ops *ops, const struct graft_func *f,
		uint32_t first)
{
	for (uint32_t i = 0; i < f->ref_count; i++) {
		const struct graft_ref *ref =
			&ops->code->refs[f->first_ref + i];
		if (ref->folded && ref->insn - f->first_insn < f->insn_count)
			read_folded(
				ops->code, ref,
				&ops->ops[first + ref->insn - f->first_insn]);
	}
}

struct graft_error *
graft_ops_append(struct graft_ops *ops, uint32_t func)
{
	const struct graft_code *code = ops->code;
	const struct graft_func *f = &code->funcs[func];
	uint32_t first = ops->count;
	struct graft_op *grown = realloc(ops->ops,
					 ((size_t)first + f->insn_count + 1) *
						 sizeof(*ops->ops));

	if (!grown)
		return graft_error_no_memory();
	ops->ops = grown;
	for (uint32_t i = 0; i < f->insn_count; i++) {
		const struct graft_insn *insn = &code->insns[f->first_insn + i];
		struct graft_op *op = &ops->ops[ops->count++];
		struct graft_decoded d = { 0 };

		*op = (struct graft_op){
			.addr = f->addr + insn->off,
			.func = func,
			.insn = f->first_insn + i,
			.flags = insn->flags,
			.base = GRAFT_REG_NONE,
			.index = GRAFT_REG_NONE,
			.dst = GRAFT_REG_NONE,
			.first = GRAFT_REG_NONE,
			.src = GRAFT_REG_NONE,
		};
		if (!graft_op_decode(code, f, insn, &d))
			continue;
		read_operands(&d, op);
		if (insn->flags & GRAFT_INSN_INTERNAL)
			(void)ZydisCalcAbsoluteAddress(&d.insn, &d.operands[0],
						       op->addr, &op->target);
	}
	read_all_folded(ops, f, first);
	return graft_ops_find_reaches(ops, f, first);
}

struct graft_error *
graft_ops_read(const struct graft_code *code, uint32_t func,
	       struct graft_ops *ret)
{
	struct graft_ops ops = { .code = code, .func = func };
	struct graft_error *err = graft_ops_append(&ops, func);

	if (err)
		return err;
	ops.own_count = ops.count;
	ops.frame_pointer = has_frame_pointer(&ops) ||
			    inherits_frame_pointer(&ops);
	*ret = ops;
	return NULL;
}

void
graft_ops_join(struct graft_ops *ops)
{
	const struct graft_code *code = ops->code;

	for (uint32_t i = 0; i < ops->count; i++) {
		struct graft_op *op = &ops->ops[i];
		uint32_t ref = code->insns[op->insn].ref;
		if (!(op->flags & GRAFT_INSN_JUMP) || ref == GRAFT_NONE ||
		    (op->flags & (GRAFT_INSN_INTERNAL | GRAFT_INSN_INDIRECT)))
			continue;
		uint64_t target = code->refs[ref].target;
		// To its own entry it calls itself.
		if (target == code->funcs[ops->func].addr ||
		    graft_op_at(ops, target) == ops->count)
			continue;
		op->target = target;
		op->flags |= GRAFT_INSN_INTERNAL;
	}
}
