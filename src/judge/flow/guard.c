// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/guard.h"

#include "diff/diff.h"

#include <Zydis/Zydis.h>

enum {
	/** Instructions between a comparison and its jump. */
	BETWEEN_MAX = 6,
};

/** Find what an instruction loads or compares by name in memory that is written. */
static bool
named_flag(const struct graft_ops *ops, const struct graft_op *op,
	   uint64_t *ret)
{
	uint32_t ref = ops->code->insns[op->insn].ref;

	if (!op->has_ref || !op->mem_read || op->mem_write ||
	    ref == GRAFT_NONE || op->index != GRAFT_REG_NONE)
		return false;
	*ret = ops->code->refs[ref].target;
	return graft_section_is_writable(
		graft_image_section_at(ops->code->image, *ret));
}

/**
 * Find the variable that a comparison looks at.
 *
 * @param[out] with_ret What it is compared with.
 * @param[out] equal_ret Whether what is compared is equal while the variable is 0.
 */
static bool
find_flag(const struct graft_ops *ops, uint32_t at, uint64_t *flag_ret,
	  int64_t *with_ret, bool *equal_ret)
{
	const struct graft_op *op = &ops->ops[at];
	int64_t with = op->what == GRAFT_OP_CMP ? op->imm : 0;

	if (op->what == GRAFT_OP_CMP && !op->has_imm)
		return false;
	*with_ret = with;
	*equal_ret = with == 0;
	if (op->has_mem)
		return named_flag(ops, op, flag_ret);
	if (op->what == GRAFT_OP_TEST && !op->has_imm && op->first != op->src)
		return false;
	uint32_t writer = graft_op_writer(ops, at, op->first);
	if (writer >= ops->count)
		return false;
	// `!ready` is `xor $1` first.
	if (ops->ops[writer].what == GRAFT_OP_BITS &&
	    ops->ops[writer].mnemonic == ZYDIS_MNEMONIC_XOR &&
	    ops->ops[writer].has_imm && ops->ops[writer].imm == 1 &&
	    !ops->ops[writer].has_mem) {
		*with_ret = 0;
		*equal_ret = with == 1;
		writer = graft_op_writer(ops, writer, op->first);
		if (writer >= ops->count)
			return false;
	}
	const struct graft_op *load = &ops->ops[writer];
	bool loads = load->what == GRAFT_OP_MOV ||
		     load->mnemonic == ZYDIS_MNEMONIC_MOVZX ||
		     load->mnemonic == ZYDIS_MNEMONIC_MOVSX;
	return loads && named_flag(ops, load, flag_ret);
}

/** Does an instruction leave what a comparison found as it is? */
static bool
keeps_flags(const struct graft_op *op)
{
	return op->what == GRAFT_OP_MOV || op->what == GRAFT_OP_LEA ||
	       op->what == GRAFT_OP_PUSH || op->what == GRAFT_OP_NOP ||
	       op->mnemonic == ZYDIS_MNEMONIC_MOVZX ||
	       op->mnemonic == ZYDIS_MNEMONIC_MOVSX ||
	       op->mnemonic == ZYDIS_MNEMONIC_MOVSXD;
}

bool
graft_guard_read(const struct graft_ops *ops, uint32_t at,
		 struct graft_guard *ret)
{
	const struct graft_op *jump = &ops->ops[at];
	bool if_equal = jump->mnemonic == ZYDIS_MNEMONIC_JZ;
	bool equal;

	if (!jump->target ||
	    (!if_equal && jump->mnemonic != ZYDIS_MNEMONIC_JNZ))
		return false;
	for (uint32_t back = 1; back <= BETWEEN_MAX && back <= at; back++) {
		const struct graft_op *op = &ops->ops[at - back];
		if (keeps_flags(op))
			continue;
		if ((op->what != GRAFT_OP_CMP && op->what != GRAFT_OP_TEST) ||
		    !find_flag(ops, at - back, &ret->flag, &ret->with, &equal))
			return false;
		uint32_t target = graft_op_at(ops, jump->target);
		bool jumps = equal == if_equal;
		ret->step.from = at;
		ret->step.to = jumps ? target : at + 1;
		ret->other = jumps ? at + 1 : target;
		return ret->step.to < ops->count && ret->other < ops->count;
	}
	return false;
}
