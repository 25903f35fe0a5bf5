// SPDX-License-Identifier: Apache-2.0

// instructions that fault unless their memory is aligned. A compiler uses
// them where it knows more of an object than that its members are in order; an
// object that OLD made, or placed, need not be so.

#include "judge/flow/allocator.h"
#include "judge/rules/checks.h"
#include "judge/types/types.h"

#include <Zydis/Zydis.h>
#include <string.h>

/** Instructions of SSE that take 16 bytes from anywhere. */
static const ZydisMnemonic lenient[] = {
	ZYDIS_MNEMONIC_MOVUPS,    ZYDIS_MNEMONIC_MOVUPD,
	ZYDIS_MNEMONIC_MOVDQU,    ZYDIS_MNEMONIC_LDDQU,
	ZYDIS_MNEMONIC_PCMPESTRI, ZYDIS_MNEMONIC_PCMPESTRM,
	ZYDIS_MNEMONIC_PCMPISTRI, ZYDIS_MNEMONIC_PCMPISTRM,
};

/** Those of AVX that do not. All others do. */
static const ZydisMnemonic strict[] = {
	ZYDIS_MNEMONIC_VMOVAPS,   ZYDIS_MNEMONIC_VMOVAPD,
	ZYDIS_MNEMONIC_VMOVDQA,   ZYDIS_MNEMONIC_VMOVDQA32,
	ZYDIS_MNEMONIC_VMOVDQA64, ZYDIS_MNEMONIC_VMOVNTDQ,
	ZYDIS_MNEMONIC_VMOVNTDQA, ZYDIS_MNEMONIC_VMOVNTPS,
	ZYDIS_MNEMONIC_VMOVNTPD,  ZYDIS_MNEMONIC_CMPXCHG16B,
};

/** Say whether an instruction needs its memory to be aligned to its size. */
static bool
needs_alignment(const struct graft_op *op)
{
	if (!op->has_mem || op->mem_size < 16 || op->mem_size > 64 ||
	    op->what == GRAFT_OP_LEA || op->what == GRAFT_OP_NOP)
		return false;
	for (size_t i = 0; i < sizeof(strict) / sizeof(*strict); i++) {
		if (op->mnemonic == strict[i])
			return true;
	}
	const char *name = ZydisMnemonicGetString(op->mnemonic);
	if (op->mem_size != 16 || !name || name[0] == 'v')
		return false;
	for (size_t i = 0; i < sizeof(lenient) / sizeof(*lenient); i++) {
		if (op->mnemonic == lenient[i])
			return false;
	}
	// What names a register of vectors beside 16 bytes of memory.
	return (op->first != GRAFT_REG_NONE && op->first >= GRAFT_REG_XMM0) ||
	       (op->src != GRAFT_REG_NONE && op->src >= GRAFT_REG_XMM0);
}

/** Say whether a function reaches some of the same bytes through a pointer, and
 * never by what needs alignment. */
static bool
reaches_unaligned(const struct graft_ops *ops, const struct graft_op *like)
{
	bool any = false;

	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (!graft_op_through_pointer(ops, op) ||
		    op->reach >= like->reach + like->mem_size ||
		    op->reach + op->mem_size <= like->reach)
			continue;
		if (needs_alignment(op) && op->mem_size >= like->mem_size)
			return false;
		any = true;
	}
	return any;
}

static struct graft_error *
refuse(struct graft_case *c, const struct graft_ops *ops,
       const struct graft_op *op, const char *what)
{
	struct graft_place_text where = graft_place_code(ops->code, ops->func,
							 op->addr);
	struct graft_op_text text = graft_op_print(ops, op);

	return graft_case_refuse(
		c, GRAFT_RULE_LAYOUT, where.str,
		"`%s` faults where its memory is not aligned to %u bytes, and %s",
		text.str, op->mem_size, what);
}

/** Find where a reference of carried code goes in OLD. */
static bool
find_old_place(const struct graft_case *c, const struct graft_ops *ops,
	       const struct graft_op *op, uint64_t *ret)
{
	const struct graft_diff *diff = c->diff;
	uint32_t ref = ops->code->insns[op->insn].ref;

	for (size_t i = 0; ref != GRAFT_NONE && i < diff->resolution_count;
	     i++) {
		if (diff->resolutions[i].ref != ref)
			continue;
		*ret = diff->resolutions[i].old_addr;
		return diff->resolutions[i].place == GRAFT_PLACE_OLD;
	}
	return false;
}

/** Say whether a call allocates. */
static struct graft_error *
is_allocation(const struct graft_ops *ops, const struct graft_op *op, bool *ret)
{
	struct graft_sizing sizing;
	struct graft_error *err = graft_sizing_of_call(ops, op, &sizing);

	*ret = !err && sizing.sizes && !sizing.fills && !sizing.guess;
	return err;
}

/** Say whether an instruction moves a pointer by whole blocks. */
static bool
keeps_alignment(const struct graft_op *op, uint16_t size)
{
	return op->what == GRAFT_OP_ADD && op->has_imm && !op->has_mem &&
	       op->imm % size == 0;
}

/** Say whether the base of an access is known to be aligned: an address in the
 * frame, one that OLD has at such a place, or what was just allocated. */
static struct graft_error *
base_is_aligned(const struct graft_case *c, const struct graft_ops *ops,
		uint32_t at, bool *ret)
{
	uint8_t reg = ops->ops[at].base;
	uint16_t size = ops->ops[at].mem_size;
	uint64_t place;

	*ret = false;
	for (uint32_t i = at; i-- > 0;) {
		const struct graft_op *op = &ops->ops[i];
		if ((op->flags & GRAFT_INSN_CALL) && graft_reg_is_volatile(reg))
			return reg == GRAFT_REG_RAX
				       ? is_allocation(ops, op, ret)
				       : NULL;
		if (reg >= 16 || !(op->writes & (1U << reg)) ||
		    keeps_alignment(op, size))
			continue;
		if (op->what == GRAFT_OP_LEA) {
			*ret = graft_op_in_frame(ops, op) ||
			       (op->has_ref &&
				find_old_place(c, ops, op, &place) &&
				place % size == 0);
			return NULL;
		}
		*ret = op->what == GRAFT_OP_MOV && op->src == GRAFT_REG_RSP;
		if (*ret || op->what != GRAFT_OP_MOV || op->has_mem ||
		    op->has_imm)
			return NULL;
		reg = op->src;
	}
	return NULL;
}

/** What is named stands where OLD has it. */
static struct graft_error *
check_named(struct graft_case *c, const struct graft_ops *ops)
{
	struct graft_error *err = NULL;
	uint64_t place;

	for (uint32_t i = 0; !err && i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (op->has_ref && needs_alignment(op) &&
		    find_old_place(c, ops, op, &place) && place % op->mem_size)
			err = refuse(
				c, ops, op,
				"OLD has what it names where that is not so");
	}
	return err;
}

struct graft_error *
graft_check_aligned_objects(struct graft_case *c)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < c->diff->carried_count; i++) {
		GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
		err = graft_ops_read(c->diff->new_code, c->diff->carried[i],
				     &ops);
		if (!err)
			err = check_named(c, &ops);
	}
	return err;
}

struct graft_error *
graft_check_aligned(struct graft_case *c, const struct graft_twin *twin)
{
	const struct graft_ops *ops = &twin->new_ops;
	struct graft_error *err = NULL;
	bool known;

	if (graft_types_rule_out_align(c))
		return NULL;
	for (uint32_t i = 0; !err && i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (!graft_op_through_pointer(ops, op) ||
		    !needs_alignment(op) ||
		    !reaches_unaligned(&twin->old_ops, op))
			continue;
		err = base_is_aligned(c, ops, i, &known);
		if (!err && !known)
			return refuse(c, ops, op,
				      "OLD reached the same as if it were not");
	}
	return err;
}
