// SPDX-License-Identifier: Apache-2.0

// Constants that are only passed on: where a line number goes, and nothing else.

#include "check/walk.h"

#include "base/cleanup.h"

enum {
	/** Registers at places that one question may lead to. */
	PLACE_MAX = 512,
};

/** A register that holds the constant in front of an instruction. */
struct place {
	uint64_t addr;
	ZydisRegister reg;
};

/** The ways that a constant can take. */
struct ways {
	uint64_t start;
	uint64_t end;
	struct place places[PLACE_MAX];
	size_t count;
	/** A call gets it as argument. */
	bool passed;
	/** Something else is done with it, or there are too many ways. */
	bool used;
};

static ZydisRegister
whole(ZydisRegister reg)
{
	return ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
						reg);
}

static void
add(struct ways *ways, uint64_t addr, ZydisRegister reg)
{
	for (size_t i = 0; i < ways->count; i++) {
		if (ways->places[i].addr == addr && ways->places[i].reg == reg)
			return;
	}
	if (ways->count == PLACE_MAX)
		ways->used = true;
	else
		ways->places[ways->count++] = (struct place){ addr, reg };
}

static bool
is_argument(ZydisRegister reg)
{
	return reg == ZYDIS_REGISTER_RDI || reg == ZYDIS_REGISTER_RSI ||
	       reg == ZYDIS_REGISTER_RDX || reg == ZYDIS_REGISTER_RCX ||
	       reg == ZYDIS_REGISTER_R8 || reg == ZYDIS_REGISTER_R9;
}

/** Does a called function have to leave a register as it was? */
static bool
is_kept(ZydisRegister reg)
{
	return reg == ZYDIS_REGISTER_RBX || reg == ZYDIS_REGISTER_RBP ||
	       (reg >= ZYDIS_REGISTER_R12 && reg <= ZYDIS_REGISTER_R15);
}

/** Go on where control goes; false: it does not go on behind the instruction. */
static bool
follow_flow(struct ways *ways, const struct graft_insn_view *insn,
	    ZydisRegister reg)
{
	bool inside = insn->target >= ways->start && insn->target < ways->end;

	switch (insn->flow) {
	case GRAFT_INSN_NEXT:
		return true;
	case GRAFT_INSN_CALL:
		ways->passed |= is_argument(reg);
		return is_kept(reg);
	case GRAFT_INSN_BRANCH:
	case GRAFT_INSN_JUMP:
		if (inside)
			add(ways, insn->target, reg);
		else
			ways->passed |= is_argument(reg);
		return insn->flow == GRAFT_INSN_BRANCH;
	case GRAFT_INSN_END:
		break;
	}
	// What a return hands over is used.
	ways->used |= insn->raw.meta.category == ZYDIS_CATEGORY_RET &&
		      reg == ZYDIS_REGISTER_RAX;
	return false;
}

/** Is it a copy of a whole register, or of its lower half, to another? */
static bool
is_copy(const struct graft_insn_view *insn, ZydisRegister reg)
{
	const ZydisDecodedOperand *to = &insn->operands[0];
	const ZydisDecodedOperand *from = &insn->operands[1];

	return (insn->raw.mnemonic == ZYDIS_MNEMONIC_MOV ||
		insn->raw.mnemonic == ZYDIS_MNEMONIC_MOVSXD) &&
	       to->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       from->type == ZYDIS_OPERAND_TYPE_REGISTER && from->size >= 32 &&
	       whole(from->reg.value) == reg && whole(to->reg.value) != reg;
}

/** Is it the usual way to zero a register? */
static bool
is_zeroing(const struct graft_insn_view *insn)
{
	return (insn->raw.mnemonic == ZYDIS_MNEMONIC_XOR ||
		insn->raw.mnemonic == ZYDIS_MNEMONIC_SUB) &&
	       insn->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       insn->operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       insn->operands[0].reg.value == insn->operands[1].reg.value;
}

/** Look what an instruction's operands do; false: the register is gone. */
static bool
follow_operands(struct ways *ways, const struct graft_insn_view *insn,
		ZydisRegister reg)
{
	bool gone = false;

	for (unsigned i = 0; i < insn->raw.operand_count; i++) {
		const ZydisDecodedOperand *op = &insn->operands[i];
		if (op->type == ZYDIS_OPERAND_TYPE_MEMORY)
			ways->used |= whole(op->mem.base) == reg ||
				      whole(op->mem.index) == reg;
		if (op->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    whole(op->reg.value) != reg)
			continue;
		if ((op->actions & ZYDIS_OPERAND_ACTION_MASK_READ) &&
		    !is_zeroing(insn))
			ways->used |= !is_copy(insn, reg);
		gone |= op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
	}
	if (is_copy(insn, reg))
		add(ways, insn->next, whole(insn->operands[0].reg.value));
	return !gone;
}

bool
graft_passed_only(const struct graft_walk *walk,
		  const struct graft_insn_view *insn)
{
	GRAFT_FREE struct ways *ways = calloc(1, sizeof(*ways));
	uint64_t end;
	const struct graft_extent *extent =
		graft_world_extent_at(&walk->new_world, insn->addr, &end);

	// Without memory, nothing is taken for a line.
	if (!ways || !extent)
		return false;
	ways->start = end - extent->size;
	ways->end = end;
	add(ways, insn->next, whole(insn->operands[0].reg.value));
	for (size_t i = 0; i < ways->count && !ways->used; i++) {
		struct graft_insn_view at;
		struct place place = ways->places[i];
		if (!graft_insn_decode(&walk->new_world, &walk->decoder,
				       place.addr, &at))
			return false;
		if (follow_operands(ways, &at, place.reg) &&
		    follow_flow(ways, &at, place.reg))
			add(ways, at.next, place.reg);
	}
	return ways->passed && !ways->used;
}
