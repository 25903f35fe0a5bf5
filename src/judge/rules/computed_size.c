// SPDX-License-Identifier: Apache-2.0

// R-03 where the size that an allocator is asked for is computed right before the
// call: `1 << (n + 4)`, `n * 12`, `caps[kind]`, `n + sizeof(struct head)`. What it
// is computed from is compared part by part; what else differs in it (a test, a
// way that it comes by) is not looked at.

#include "judge/rules/checks.h"

#include "diff/constant/constant.h"
#include "judge/data/grown_table.h"
#include "judge/flow/allocator.h"
#include "judge/rules/computed_size.h"

#include <Zydis/Zydis.h>
#include <elf.h>
#include <stdlib.h>

enum {
	/** Numbers of one kind in one size. */
	NUMBERS_MAX = 4,
	/** How far back a size is followed, in instructions. */
	BACK_MAX = 32,
	/** Words of the frame that are followed at once. */
	SLOTS_MAX = 4,
	FACTOR_MAX = 1 << 20,
	/** Texts that are written otherwise get two or three times as long. */
	FACTOR_MIN = 4,
	/** Less behind a length is the end of a text, or an index from 1. */
	HEAD_MIN = 8,
	/** What is in front of data is aligned. */
	HEAD_ALIGN = 4,
};

/** Numbers of one kind, as they were met. */
struct numbers {
	int64_t list[NUMBERS_MAX];
	uint32_t count;
};

/** What a size is made of. */
struct size_parts {
	/** What is added, what it is multiplied by, and single numbers. */
	struct numbers added;
	int64_t factor;
	struct numbers plain;
	/** How often two values are added. */
	uint32_t sums;
	/** Something is shifted by a distance that is no constant. */
	bool shifted;
	/** More numbers than are kept. */
	bool partial;
	/** Where a table of constants begins that it comes from; 0 without. */
	uint64_t table;
};

/** What is still looked for, on the way back. */
struct wanted {
	/** Registers that are parts of the size, and of the address that it is
	 * loaded from; a bit each. */
	uint32_t parts;
	uint32_t address;
	/** Words of the frame. */
	struct {
		uint8_t base;
		int64_t disp;
		bool part;
	} slots[SLOTS_MAX];
	uint32_t slot_count;
};

static uint32_t
bit(uint8_t reg)
{
	return reg < 16 ? 1U << reg : 0;
}

static void
take(struct size_parts *parts, struct numbers *numbers, int64_t value)
{
	if (numbers->count == NUMBERS_MAX)
		parts->partial = true;
	else
		numbers->list[numbers->count++] = value;
}

static void
multiply(struct size_parts *parts, int64_t by)
{
	if (by <= 0 || by > FACTOR_MAX || parts->factor * by > FACTOR_MAX)
		parts->partial = true;
	else
		parts->factor *= by;
}

/** Does a reference name what says nothing of sizes: code, or what is surely text? The
 * address of anything else may be a description of what is to be made. */
static bool
names_no_table(const struct graft_ops *ops, const struct graft_op *op)
{
	const struct graft_image *image = ops->code->image;
	uint32_t ref = ops->code->insns[op->insn].ref;

	if (ref == GRAFT_NONE)
		return true;
	uint64_t addr = ops->code->refs[ref].target;
	const struct graft_section *section = graft_image_section_at(image,
								     addr);
	uint64_t len;
	const char *text = graft_constant_text(image, addr, &len);
	return (section && (section->flags & SHF_EXECINSTR)) ||
	       (text && graft_constant_is_sure(text, len));
}

/** Note the table that a reference names. */
static void
take_table(const struct graft_ops *ops, const struct graft_op *op,
	   struct size_parts *parts)
{
	uint32_t ref = ops->code->insns[op->insn].ref;

	if (ref == GRAFT_NONE)
		return;
	uint64_t addr = ops->code->refs[ref].target;
	const struct graft_section *section =
		graft_image_section_at(ops->code->image, addr);
	if (section && !graft_section_is_writable(section))
		parts->table = addr;
}

static void
want_slot(struct wanted *wanted, const struct graft_op *op, bool part)
{
	if (wanted->slot_count == SLOTS_MAX)
		return;
	wanted->slots[wanted->slot_count].base = op->base;
	wanted->slots[wanted->slot_count].disp = op->disp;
	wanted->slots[wanted->slot_count++].part = part;
}

/** Follow a load: of a word of the frame, or of an element of a table. */
static void
step_load(const struct graft_ops *ops, const struct graft_op *op, bool part,
	  struct wanted *wanted, struct size_parts *parts)
{
	if (graft_op_in_frame(ops, op) && op->index == GRAFT_REG_NONE) {
		want_slot(wanted, op, part);
	} else if (op->has_ref) {
		take_table(ops, op, parts);
	} else {
		wanted->address |= bit(op->base) | bit(op->index);
	}
}

/** Follow what computes a part of the size. */
static void
step_part(const struct graft_op *op, struct wanted *wanted,
	  struct size_parts *parts)
{
	switch (op->mnemonic) {
	case ZYDIS_MNEMONIC_CDQE:
		wanted->parts |= bit(GRAFT_REG_RAX);
		return;
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
		wanted->parts |= bit(op->dst) | bit(op->src);
		parts->sums += !op->has_imm;
		if (op->has_imm)
			take(parts, &parts->added,
			     op->subtracts ? -op->imm : op->imm);
		return;
	case ZYDIS_MNEMONIC_INC:
	case ZYDIS_MNEMONIC_DEC:
		wanted->parts |= bit(op->dst);
		take(parts, &parts->added,
		     op->mnemonic == ZYDIS_MNEMONIC_INC ? 1 : -1);
		return;
	case ZYDIS_MNEMONIC_SHL:
	case ZYDIS_MNEMONIC_SHLX:
	case ZYDIS_MNEMONIC_BTS:
		wanted->parts |= bit(op->dst) | bit(op->src);
		if (op->has_imm && op->mnemonic == ZYDIS_MNEMONIC_SHL) {
			multiply(parts, (int64_t)1 << (op->imm & 31));
			return;
		}
		parts->shifted = true;
		if (op->mnemonic == ZYDIS_MNEMONIC_SHL)
			wanted->parts |= bit(GRAFT_REG_RCX);
		return;
	case ZYDIS_MNEMONIC_IMUL:
		wanted->parts |= bit(op->src);
		if (op->has_imm)
			multiply(parts, op->imm);
		else
			wanted->parts |= bit(op->dst);
		return;
	case ZYDIS_MNEMONIC_AND:
		// Rounded up: what was added before counts.
		wanted->parts |= op->has_imm ? bit(op->dst) : 0;
		return;
	default:
		// A value that is followed no further.
		return;
	}
}

static void
step_lea(const struct graft_op *op, struct wanted *wanted,
	 struct size_parts *parts)
{
	int64_t factor = op->index < 16 ? op->scale : 1;

	wanted->parts |= bit(op->base) | bit(op->index);
	if (op->index < 16 && op->base == op->index)
		factor++;
	else if (op->index < 16 && op->base < 16)
		parts->sums++;
	multiply(parts, factor);
	if (op->disp)
		take(parts, &parts->added, op->disp);
}

/** Say whether it copies, perhaps to a wider register. */
static bool
is_copy(const struct graft_op *op)
{
	return op->what == GRAFT_OP_MOV ||
	       op->mnemonic == ZYDIS_MNEMONIC_MOVZX ||
	       op->mnemonic == ZYDIS_MNEMONIC_MOVSX ||
	       op->mnemonic == ZYDIS_MNEMONIC_MOVSXD;
}

/** Follow what writes a register that is wanted. */
static void
step_register(const struct graft_ops *ops, const struct graft_op *op,
	      struct wanted *wanted, struct size_parts *parts)
{
	bool part = wanted->parts & bit(op->dst);
	bool address = wanted->address & bit(op->dst);

	wanted->parts &= ~bit(op->dst);
	wanted->address &= ~bit(op->dst);
	if (op->what == GRAFT_OP_LEA && op->has_ref) {
		// `talloc_strdup(ctx, "text")` asks for no size.
		if (address || !names_no_table(ops, op))
			take_table(ops, op, parts);
	} else if (op->what == GRAFT_OP_ZERO) {
		if (part)
			take(parts, &parts->plain, 0);
	} else if (op->what == GRAFT_OP_MOV && op->has_imm) {
		if (part)
			take(parts, &parts->plain, op->imm);
	} else if (is_copy(op) && op->has_mem) {
		step_load(ops, op, part, wanted, parts);
	} else if (is_copy(op)) {
		wanted->parts |= part ? bit(op->src) : 0;
		wanted->address |= address ? bit(op->src) : 0;
	} else if (part && op->what == GRAFT_OP_LEA) {
		step_lea(op, wanted, parts);
	} else if (part && !op->has_mem) {
		step_part(op, wanted, parts);
	} else if (op->what == GRAFT_OP_LEA && !part) {
		wanted->address |= bit(op->base) | bit(op->index);
	} else if (!part) {
		wanted->address |= bit(op->src) | bit(op->dst);
	}
}

/** Follow what writes a word of the frame that is wanted. */
static void
step_slot(const struct graft_op *op, struct wanted *wanted,
	  struct size_parts *parts)
{
	for (uint32_t i = 0; i < wanted->slot_count; i++) {
		if (wanted->slots[i].base != op->base ||
		    wanted->slots[i].disp != op->disp)
			continue;
		bool part = wanted->slots[i].part;
		wanted->slots[i] = wanted->slots[--wanted->slot_count];
		if (op->what != GRAFT_OP_MOV)
			return;
		if (op->has_imm && part)
			take(parts, &parts->plain, op->imm);
		else if (part)
			wanted->parts |= bit(op->src);
		else
			wanted->address |= bit(op->src);
		return;
	}
}

/** Collect what the size in a register is made of, from the call back. */
static struct size_parts
parts_of(const struct graft_ops *ops, uint32_t call, uint8_t reg)
{
	struct wanted wanted = { .parts = bit(reg) };
	struct size_parts parts = { .factor = 1 };

	for (uint32_t back = 1; back <= BACK_MAX && back <= call; back++) {
		const struct graft_op *op = &ops->ops[call - back];
		uint32_t any = wanted.parts | wanted.address;
		if (op->ends || (!any && !wanted.slot_count))
			break;
		for (uint8_t r = 0; (op->flags & GRAFT_INSN_CALL) && r < 16;
		     r++) {
			if (!graft_reg_is_volatile(r))
				continue;
			wanted.parts &= ~bit(r);
			wanted.address &= ~bit(r);
		}
		if (op->flags & GRAFT_INSN_CALL)
			continue;
		if (op->mem_write && graft_op_in_frame(ops, op))
			step_slot(op, &wanted, &parts);
		else if (op->dst < 16 && (any & bit(op->dst)))
			step_register(ops, op, &wanted, &parts);
	}
	return parts;
}

/** Find a number that differs; false if all are the same, or too few. */
static bool
differs(const struct numbers *o, const struct numbers *n, int64_t *was_ret,
	int64_t *is_ret)
{
	for (uint32_t i = 0; o->count == n->count && i < o->count; i++) {
		if (o->list[i] == n->list[i])
			continue;
		*was_ret = o->list[i];
		*is_ret = n->list[i];
		return true;
	}
	return false;
}

/** Say whether what is added to a length may be what stands in front of data. */
static bool
is_head(int64_t was, int64_t is)
{
	return was >= HEAD_MIN && is >= HEAD_MIN &&
	       (was - is) % HEAD_ALIGN == 0;
}

static bool
is_other_size(const struct size_parts *o, const struct size_parts *n,
	      int64_t *was_ret, int64_t *is_ret)
{
	if (o->partial || n->partial || o->shifted != n->shifted)
		return false;
	// A sum of other things is another way to grow by.
	if (o->sums != n->sums && !o->shifted)
		return false;
	*was_ret = o->factor;
	*is_ret = n->factor;
	if (o->factor != n->factor)
		return o->factor >= FACTOR_MIN && n->factor >= FACTOR_MIN;
	// A number that was kept in between.
	if (!o->shifted && !o->sums && !o->added.count && !n->added.count)
		return differs(&o->plain, &n->plain, was_ret, is_ret);
	if (!o->shifted)
		return o->plain.count == n->plain.count &&
		       differs(&o->added, &n->added, was_ret, is_ret) &&
		       is_head(*was_ret, *is_ret);
	// In `1 << (n + 4)` each number is one of the size.
	*was_ret = o->added.count ? o->added.list[0] : 0;
	*is_ret = n->added.count ? n->added.list[0] : 0;
	return o->added.count != n->added.count ||
	       differs(&o->added, &n->added, was_ret, is_ret) ||
	       differs(&o->plain, &n->plain, was_ret, is_ret);
}

static struct graft_error *
check_table(struct graft_case *c, const struct size_parts *o,
	    const struct size_parts *n, const char *where)
{
	bool same = true;

	if (!o->table || !n->table)
		return NULL;
	struct graft_error *err = graft_constant_equal(c->diff, o->table,
						       n->table, 0, &same);
	if (!err && !same)
		err = graft_table_has_grown(c->diff, o->table, n->table, &same);
	if (err || same)
		return err;
	return graft_case_refuse(
		c, GRAFT_RULE_SIZE, where,
		"as much is allocated as a table says, and the table differs: objects that exist already have the old size");
}

struct graft_error *
graft_check_computed_size(struct graft_case *c, const struct graft_twin *twin,
			  const struct graft_twin_pair *pair, int argument)
{
	uint8_t reg = graft_argument_reg(argument);
	struct size_parts o = parts_of(&twin->old_ops, pair->o, reg);
	struct size_parts n = parts_of(&twin->new_ops, pair->n, reg);
	struct graft_place_text where =
		graft_place_code(twin->new_ops.code, twin->new_ops.func,
				 twin->new_ops.ops[pair->n].addr);
	int64_t was;
	int64_t is;

	if (!is_other_size(&o, &n, &was, &is))
		return check_table(c, &o, &n, where.str);
	return graft_case_refuse(
		c, GRAFT_RULE_SIZE, where.str,
		"the size that is allocated is computed with 0x%llx, and was with 0x%llx: objects that exist already have the old size",
		(unsigned long long)is, (unsigned long long)was);
}
