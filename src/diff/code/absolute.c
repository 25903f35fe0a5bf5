// SPDX-License-Identifier: Apache-2.0

#include "diff/code/absolute.h"

#include "diff/code/register.h"

#include <string.h>

enum {
	/** Bytes of `lea disp32(%rip),%r64`. */
	LEA_SIZE = 7,
	/** Addresses in 32 bits are the same signed and unsigned below this. */
	LOW_BITS = 31,
};

/** One field of an instruction that holds a number. */
struct field {
	uint8_t off;
	uint8_t width;
	bool is_disp;
};

static uint64_t
read_field(const uint8_t *bytes, const struct field *field)
{
	uint64_t value = 0;

	for (uint8_t i = 0; i < field->width; i++)
		value |= (uint64_t)bytes[field->off + i] << (8 * i);
	return value;
}

/** Collect the fields that may hold an address: of 32 bits or more, and not
 * relative to the instruction or to a thread's block. */
static uint8_t
collect(const ZydisDecodedInstruction *zi, struct field *ret)
{
	uint8_t count = 0;
	bool relative = (zi->attributes & ZYDIS_ATTRIB_HAS_MODRM) &&
			zi->raw.modrm.mod == 0 && zi->raw.modrm.rm == 5;
	bool segment = zi->attributes & (ZYDIS_ATTRIB_HAS_SEGMENT_FS |
					 ZYDIS_ATTRIB_HAS_SEGMENT_GS);

	if (zi->raw.disp.size >= 32 && !relative && !segment)
		ret[count++] = (struct field){ zi->raw.disp.offset,
					       zi->raw.disp.size / 8, true };
	for (unsigned i = 0; i < 2; i++) {
		if (zi->raw.imm[i].size >= 32 && !zi->raw.imm[i].is_relative)
			ret[count++] = (struct field){ zi->raw.imm[i].offset,
						       zi->raw.imm[i].size / 8,
						       false };
	}
	return count;
}

/** Is it a relocation that puts the address of its symbol there, as the linker may
 * have left it? */
static bool
is_absolute(const struct graft_reloc *reloc, const struct field *field)
{
	switch (reloc->type) {
	case R_X86_64_32:
	case R_X86_64_32S:
		return true;
	case R_X86_64_64:
		return true;
	case R_X86_64_GOTPCREL:
	case R_X86_64_GOTPCRELX:
	case R_X86_64_REX_GOTPCRELX:
		// A load from the GOT that was relaxed to a constant.
		return !field->is_disp;
	default:
		return false;
	}
}

/** Does an instruction put a constant into a whole register, and no more? */
static bool
is_load(const uint8_t *bytes, const ZydisDecodedInstruction *zi, uint8_t *reg)
{
	uint8_t high = zi->raw.rex.B ? 8 : 0;

	if (zi->mnemonic != ZYDIS_MNEMONIC_MOV || zi->raw.imm[0].size < 32 ||
	    zi->operand_width < 32)
		return false;
	if ((zi->opcode & 0xf8) == 0xb8) {
		*reg = (uint8_t)(high | (zi->opcode & 7));
		return true;
	}
	if (zi->opcode != 0xc7 || zi->raw.modrm.mod != 3)
		return false;
	*reg = (uint8_t)(high | zi->raw.modrm.rm);
	return bytes[zi->raw.modrm.offset] >= 0xc0;
}

/** Is the displacement all that a memory operand is made of? */
static bool
is_whole(const ZydisDecodedInstruction *zi)
{
	return (zi->attributes & ZYDIS_ATTRIB_HAS_MODRM) &&
	       zi->raw.modrm.mod == 0 && zi->raw.modrm.rm == 4 &&
	       zi->raw.sib.base == 5 && zi->raw.sib.index == 4 &&
	       !zi->raw.rex.X;
}

/** Does an operand add a register to what it names? That may lead back into a section
 * from far behind its end: `p[i - 16]` where `i` ends at 16. */
static bool
has_index(const ZydisDecodedInstruction *zi, const struct field *field)
{
	return field->is_disp && !is_whole(zi);
}

/** Is a constant added to what is an index? An address that is moved, compared,
 * pushed, or taken off another is what it names. */
static bool
is_added(const ZydisDecodedInstruction *zi)
{
	switch (zi->mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_CMP:
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_TEST:
	case ZYDIS_MNEMONIC_PUSH:
		return false;
	default:
		return true;
	}
}

/**
 * Can a field without a relocation hold an address at all? Such are moved into a
 * register, or have 64 bits and are no masks.
 */
static bool
may_be_address(const uint8_t *bytes, const ZydisDecodedInstruction *zi,
	       const struct field *field)
{
	uint8_t reg;

	return field->is_disp || is_load(bytes, zi, &reg) ||
	       (zi->operand_width == 64 &&
		(!is_added(zi) || zi->mnemonic == ZYDIS_MNEMONIC_ADD) &&
		zi->mnemonic != ZYDIS_MNEMONIC_TEST);
}

/** Look at one field. */
static void
look(const struct graft_image *image, uint64_t addr, const uint8_t *bytes,
     const ZydisDecodedInstruction *zi, const struct field *field,
     struct graft_absolutes *ret)
{
	uint64_t at = addr + field->off;
	uint64_t value = read_field(bytes, field);
	const struct graft_reloc *reloc =
		graft_image_static_reloc_from(image, at, at + 1);
	uint8_t bound = GRAFT_BOUND_NONE;

	if (!reloc || !is_absolute(reloc, field)) {
		// A distance is none of the things that such a field holds.
		// Offsets in a thread's block and sizes lead into no section.
		bool distance = reloc && (reloc->type == R_X86_64_PC32 ||
					  reloc->type == R_X86_64_PLT32);
		if (graft_image_section_at(image, value))
			bound = distance ? GRAFT_BOUND_BROKEN
				: may_be_address(bytes, zi, field) &&
						graft_image_is_likely_place(
							image, value)
					? GRAFT_BOUND_DROPPED
					: GRAFT_BOUND_NUMBER;
	} else if (graft_reloc_is_number(reloc) &&
		   !graft_image_section_at(image, value)) {
		return;
	} else if ((reloc->type == R_X86_64_64) != (field->width == 8) ||
		   (field->width == 4 && value >> LOW_BITS) ||
		   (!graft_image_is_place(image, value) &&
		    !has_index(zi, field))) {
		bound = GRAFT_BOUND_BROKEN;
	} else {
		struct graft_ref *ref = &ret->refs[ret->count++];
		*ref = (struct graft_ref){ .target = value,
					   .at = at,
					   .width = field->width,
					   .kind = GRAFT_REF_ADDRESS,
					   .absolute = true };
		if (field->is_disp && is_whole(zi) &&
		    zi->mnemonic != ZYDIS_MNEMONIC_LEA)
			ref->kind = GRAFT_REF_MEMORY;
		else
			ref->folded = field->is_disp ||
				      !is_load(bytes, zi, &ref->reg);
		if (ref->folded) {
			ref->reg = GRAFT_REGISTER_NONE;
			ref->back = field->is_disp ? has_index(zi, field)
						   : is_added(zi);
			bound = GRAFT_BOUND_FOLDED;
		}
	}
	if (bound > ret->bound)
		ret->bound = bound;
}

/** Is there a relocation of an address that is at none of the fields? */
static bool
is_astray(const struct graft_image *image, uint64_t addr, uint8_t len,
	  const struct field *fields, uint8_t count)
{
	uint64_t end = addr + len;
	uint64_t at = addr;
	const struct graft_reloc *reloc;

	while ((reloc = graft_image_static_reloc_from(image, at, end))) {
		bool known = reloc->type != R_X86_64_32 &&
			     reloc->type != R_X86_64_32S &&
			     reloc->type != R_X86_64_64;
		for (uint8_t i = 0; i < count; i++)
			known |= reloc->addr == addr + fields[i].off;
		if (!known && !graft_reloc_is_number(reloc))
			return true;
		at = reloc->addr + 1;
	}
	return false;
}

void
graft_absolute_find(const struct graft_image *image, uint64_t addr,
		    const uint8_t *bytes, const ZydisDecodedInstruction *zi,
		    struct graft_absolutes *ret)
{
	struct field fields[GRAFT_ABSOLUTE_MAX];

	*ret = (struct graft_absolutes){ 0 };
	if (!graft_image_is_fixed(image) || graft_image_fixed_fault(image))
		return;
	uint8_t count = collect(zi, fields);
	for (uint8_t i = 0; i < count; i++)
		look(image, addr, bytes, zi, &fields[i], ret);
	if (is_astray(image, addr, zi->length, fields, count))
		ret->bound = GRAFT_BOUND_BROKEN;
}

/** Show a memory operand that is an address and no more as relative to the next
 * instruction. */
static void
show_memory(uint64_t distance, const ZydisDecodedInstruction *zi,
	    ZydisDecodedOperand *operands)
{
	for (unsigned i = 0; i < zi->operand_count; i++) {
		ZydisDecodedOperandMem *mem = &operands[i].mem;
		if (operands[i].type != ZYDIS_OPERAND_TYPE_MEMORY ||
		    operands[i].visibility != ZYDIS_OPERAND_VISIBILITY_EXPLICIT)
			continue;
		mem->base = ZYDIS_REGISTER_RIP;
		mem->scale = 0;
		mem->disp.value = (int64_t)distance;
	}
}

void
graft_absolute_show(const struct graft_code *code,
		    const struct graft_func *func,
		    const struct graft_insn *insn, ZydisDecodedInstruction *zi,
		    ZydisDecodedOperand *operands)
{
	const struct graft_ref *ref = insn->ref == GRAFT_NONE
					      ? NULL
					      : &code->refs[insn->ref];
	ZydisDecodedOperand shown[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction lea;
	ZydisDecoder decoder;

	if (!ref || !ref->absolute || ref->folded)
		return;
	uint64_t next = func->addr + insn->off + insn->len;
	uint32_t distance = (uint32_t)(ref->target - next);
	if (ref->kind == GRAFT_REF_MEMORY) {
		show_memory(ref->target - next, zi, operands);
		return;
	}
	uint8_t bytes[LEA_SIZE] = {
		(uint8_t)(0x48 | (ref->reg & 8 ? 4 : 0)),
		0x8d,
		(uint8_t)(0x05 | (ref->reg & 7) << 3),
		(uint8_t)distance,
		(uint8_t)(distance >> 8),
		(uint8_t)(distance >> 16),
		(uint8_t)(distance >> 24),
	};
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64,
			 ZYDIS_STACK_WIDTH_64);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, LEA_SIZE,
						 &lea, shown)))
		return;
	lea.length = insn->len;
	*zi = lea;
	memcpy(operands, shown, sizeof(shown));
}
