// SPDX-License-Identifier: Apache-2.0

#include "check/insn.h"

#include <string.h>

enum {
	FIRST_PAGE = 4096,
};

/** Find the operand that is relative to the next instruction. */
static void
find_memory(struct graft_insn_view *insn)
{
	for (unsigned i = 0; i < insn->raw.operand_count_visible; i++) {
		const ZydisDecodedOperand *op = &insn->operands[i];
		if (op->type != ZYDIS_OPERAND_TYPE_MEMORY ||
		    op->mem.base != ZYDIS_REGISTER_RIP)
			continue;
		insn->has_memory = true;
		insn->memory = insn->next + (uint64_t)op->mem.disp.value;
		insn->memory_off = insn->raw.raw.disp.offset;
		insn->memory_len = op->mem.type == ZYDIS_MEMOP_TYPE_AGEN
					   ? 0
					   : (op->size + 7U) / 8;
		return;
	}
}

/** Does it write into the first page, which nobody has (sysctl
 * vm.mmap_min_addr)? Programs end themselves so, and what follows is not theirs. */
static bool
is_crash(const struct graft_insn_view *insn)
{
	const ZydisDecodedOperand *op = &insn->operands[0];

	return insn->raw.operand_count_visible > 0 &&
	       op->type == ZYDIS_OPERAND_TYPE_MEMORY &&
	       op->mem.type == ZYDIS_MEMOP_TYPE_MEM &&
	       (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) &&
	       op->mem.base == ZYDIS_REGISTER_NONE &&
	       op->mem.index == ZYDIS_REGISTER_NONE &&
	       op->mem.segment != ZYDIS_REGISTER_FS &&
	       op->mem.segment != ZYDIS_REGISTER_GS &&
	       (uint64_t)op->mem.disp.value < FIRST_PAGE;
}

static void
find_flow(struct graft_insn_view *insn)
{
	bool direct = false;

	for (unsigned i = 0; i < insn->raw.operand_count_visible; i++) {
		const ZydisDecodedOperand *op = &insn->operands[i];
		if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
		    op->imm.is_relative) {
			insn->target = insn->next + op->imm.value.u;
			direct = true;
		}
	}
	switch (insn->raw.meta.category) {
	case ZYDIS_CATEGORY_CALL:
		insn->flow = GRAFT_INSN_CALL;
		return;
	case ZYDIS_CATEGORY_UNCOND_BR:
		insn->flow = direct ? GRAFT_INSN_JUMP : GRAFT_INSN_END;
		return;
	case ZYDIS_CATEGORY_RET:
		insn->flow = GRAFT_INSN_END;
		return;
	default:
		break;
	}
	if (is_crash(insn)) {
		insn->flow = GRAFT_INSN_END;
		return;
	}
	switch (insn->raw.mnemonic) {
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_HLT:
	case ZYDIS_MNEMONIC_INT3:
		insn->flow = GRAFT_INSN_END;
		return;
	default:
		insn->flow = direct ? GRAFT_INSN_BRANCH : GRAFT_INSN_NEXT;
	}
}

/** Is it a relocation whose field holds an address, not a distance? */
static bool
holds_address(const struct graft_reloc *reloc, bool constant)
{
	switch (reloc->type) {
	case R_X86_64_32:
	case R_X86_64_32S:
	case R_X86_64_64:
		return true;
	case R_X86_64_GOTPCREL:
	case R_X86_64_GOTPCRELX:
	case R_X86_64_REX_GOTPCRELX:
		// The linker made a constant of the load.
		return constant;
	default:
		return false;
	}
}

/** Does an instruction take a constant as it is: moved, compared, pushed, or taken off
 * another? */
static bool
takes_whole(const struct graft_insn_view *insn)
{
	return insn->raw.mnemonic == ZYDIS_MNEMONIC_MOV ||
	       insn->raw.mnemonic == ZYDIS_MNEMONIC_CMP ||
	       insn->raw.mnemonic == ZYDIS_MNEMONIC_TEST ||
	       insn->raw.mnemonic == ZYDIS_MNEMONIC_PUSH ||
	       insn->raw.mnemonic == ZYDIS_MNEMONIC_SUB;
}

/** Has an instruction an operand in memory that is more than an address? */
static bool
has_index(const struct graft_insn_view *insn)
{
	for (unsigned i = 0; i < insn->raw.operand_count_visible; i++) {
		const ZydisDecodedOperand *op = &insn->operands[i];
		if (op->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    (op->mem.base != ZYDIS_REGISTER_NONE ||
		     op->mem.index != ZYDIS_REGISTER_NONE))
			return true;
	}
	return false;
}

/** Note a field of an instruction if the linker put an address there. */
static void
find_absolute(const struct graft_world *world, uint8_t off, uint8_t bits,
	      bool constant, struct graft_insn_view *insn)
{
	uint64_t own;
	const struct graft_image *image =
		graft_world_image_of(world, insn->addr + off, &own);
	const struct graft_reloc *reloc =
		graft_image_static_reloc_from(image, own, own + 1);
	uint64_t addr = 0;

	if (bits < 32 || !reloc || !holds_address(reloc, constant))
		return;
	for (uint8_t i = 0; i < bits / 8; i++)
		addr |= (uint64_t)insn->bytes[off + i] << (8 * i);
	// Of what nobody defines the number is 0, in all builds.
	if (graft_reloc_is_number(reloc) &&
	    graft_world_area_at(world, addr) == GRAFT_WORLD_NONE)
		return;
	insn->absolutes[insn->absolute_count++] = (struct graft_insn_absolute){
		.addr = addr,
		.off = off,
		.len = (uint8_t)(bits / 8),
		.alone = constant && insn->raw.mnemonic == ZYDIS_MNEMONIC_MOV &&
			 insn->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER,
		.added = constant ? !takes_whole(insn) : has_index(insn),
	};
}

/** Let memory that is named by an address alone count as what it is. */
static void
take_memory(struct graft_insn_view *insn)
{
	const struct graft_insn_absolute *last =
		&insn->absolutes[insn->absolute_count - 1];

	for (unsigned i = 0; i < insn->raw.operand_count_visible; i++) {
		const ZydisDecodedOperand *op = &insn->operands[i];
		if (op->type != ZYDIS_OPERAND_TYPE_MEMORY || last->len != 4 ||
		    op->mem.type != ZYDIS_MEMOP_TYPE_MEM ||
		    op->mem.base != ZYDIS_REGISTER_NONE ||
		    op->mem.index != ZYDIS_REGISTER_NONE)
			continue;
		insn->has_memory = true;
		insn->memory = last->addr;
		insn->memory_off = last->off;
		insn->memory_len = (op->size + 7U) / 8;
		insn->absolute_count--;
		return;
	}
}

static void
find_absolutes(const struct graft_world *world, struct graft_insn_view *insn)
{
	const ZydisDecodedInstruction *raw = &insn->raw;

	insn->absolute_count = 0;
	if (!graft_image_is_fixed(world->image))
		return;
	if (!insn->has_memory)
		find_absolute(world, raw->raw.disp.offset, raw->raw.disp.size,
			      false, insn);
	if (insn->absolute_count)
		take_memory(insn);
	for (unsigned i = 0; i < 2; i++) {
		if (!raw->raw.imm[i].is_relative)
			find_absolute(world, raw->raw.imm[i].offset,
				      raw->raw.imm[i].size, true, insn);
	}
}

bool
graft_insn_decode(const struct graft_world *world, const ZydisDecoder *decoder,
		  uint64_t addr, struct graft_insn_view *ret)
{
	const struct graft_world_range *range = graft_world_range_at(world,
								     addr);

	if (!range || range->area != GRAFT_WORLD_CODE || !range->bytes)
		return false;
	ret->addr = addr;
	ret->bytes = range->bytes + (addr - range->addr);
	if (ZYAN_FAILED(ZydisDecoderDecodeFull(
		    decoder, ret->bytes, range->size - (addr - range->addr),
		    &ret->raw, ret->operands)))
		return false;
	ret->len = ret->raw.length;
	ret->next = addr + ret->len;
	ret->target = 0;
	ret->has_memory = false;
	ret->memory = 0;
	ret->memory_len = 0;
	ret->memory_off = 0;
	ret->idle = ret->raw.mnemonic == ZYDIS_MNEMONIC_NOP ||
		    ret->raw.mnemonic == ZYDIS_MNEMONIC_ENDBR64;
	if (!ret->idle)
		find_memory(ret);
	find_absolutes(world, ret);
	find_flow(ret);
	return true;
}

/** Copy the bytes of an instruction with its displacements blanked. */
static void
blank(const struct graft_insn_view *insn,
      uint8_t ret[ZYDIS_MAX_INSTRUCTION_LENGTH])
{
	memset(ret, 0, ZYDIS_MAX_INSTRUCTION_LENGTH);
	memcpy(ret, insn->bytes, insn->len);
	if (insn->has_memory)
		memset(ret + insn->memory_off, 0, 4);
	for (uint8_t i = 0; i < insn->absolute_count; i++)
		memset(ret + insn->absolutes[i].off, 0, insn->absolutes[i].len);
	// A call of what nobody defines leads to 0, from anywhere.
	if (insn->raw.raw.imm[0].is_relative)
		memset(ret + insn->raw.raw.imm[0].offset, 0,
		       insn->raw.raw.imm[0].size / 8);
}

/** Are addresses in the same fields? */
static bool
same_absolutes(const struct graft_insn_view *a, const struct graft_insn_view *b)
{
	if (a->absolute_count != b->absolute_count)
		return false;
	for (uint8_t i = 0; i < a->absolute_count; i++) {
		if (a->absolutes[i].off != b->absolutes[i].off ||
		    a->absolutes[i].len != b->absolutes[i].len)
			return false;
	}
	return true;
}

bool
graft_insn_same(const struct graft_insn_view *a,
		const struct graft_insn_view *b)
{
	uint8_t x[ZYDIS_MAX_INSTRUCTION_LENGTH];
	uint8_t y[ZYDIS_MAX_INSTRUCTION_LENGTH];

	if (a->flow != b->flow || a->has_memory != b->has_memory ||
	    !a->target != !b->target || a->memory_len != b->memory_len ||
	    !same_absolutes(a, b))
		return false;
	if (a->flow == GRAFT_INSN_BRANCH && a->len != b->len)
		return a->raw.mnemonic == b->raw.mnemonic &&
		       a->raw.address_width == b->raw.address_width;
	if (a->len != b->len)
		return false;
	blank(a, x);
	blank(b, y);
	return memcmp(x, y, sizeof(x)) == 0;
}

void
graft_insn_print(const struct graft_world *world, const ZydisDecoder *decoder,
		 uint64_t addr, struct graft_text *text)
{
	struct graft_insn_view insn;
	ZydisFormatter formatter;
	char line[128];

	if (!graft_insn_decode(world, decoder, addr, &insn) ||
	    ZYAN_FAILED(ZydisFormatterInit(&formatter,
					   ZYDIS_FORMATTER_STYLE_ATT)) ||
	    ZYAN_FAILED(ZydisFormatterFormatInstruction(
		    &formatter, &insn.raw, insn.operands,
		    insn.raw.operand_count_visible, line, sizeof(line), addr,
		    NULL))) {
		graft_text_put(text, "(no instruction)");
		return;
	}
	graft_text_put(text, line);
}
