// SPDX-License-Identifier: Apache-2.0

#include "diff/code/large.h"

enum {
	/** Bytes of `movabs $imm64,%r64`: prefix, opcode, number. */
	MOVABS_SIZE = 10,
};

/** Get what `_GLOBAL_OFFSET_TABLE_` is, or 0. */
static uint64_t
got_of(const struct graft_image *image)
{
	const struct graft_section *got = graft_image_section_named(image,
								    ".got.plt");

	if (!got)
		got = graft_image_section_named(image, ".got");
	return got ? got->addr : 0;
}

/** Read the number that an instruction puts into a register in 64 bits. */
static bool
read_movabs(const uint8_t *bytes, const struct graft_insn *insn, uint64_t *ret)
{
	const uint8_t *at = bytes + insn->off;

	if (insn->len != MOVABS_SIZE || (at[0] & 0xf8) != 0x48 ||
	    (at[1] & 0xf8) != 0xb8)
		return false;
	*ret = 0;
	for (unsigned i = 0; i < 8; i++)
		*ret |= (uint64_t)at[2 + i] << (8 * i);
	return true;
}

/** Does a function take the address of the GOT, alone or with a number added? */
static bool
takes_got(const struct graft_code *code, const struct graft_func *func,
	  uint64_t got, uint64_t number)
{
	for (uint32_t i = 0; i < func->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[func->first_ref + i];
		bool own = ref->target - func->addr < func->size;
		if (ref->kind == GRAFT_REF_ADDRESS &&
		    (ref->target == got ||
		     (own && ref->target + number == got)))
			return true;
	}
	return false;
}

/** Does an instruction call or jump through a register? */
static bool
goes_through(const uint8_t *at, const struct graft_insn *insn, uint8_t reg)
{
	bool high = (at[0] & 0xf0) == 0x40 && (at[0] & 1);
	const uint8_t *opcode = (at[0] & 0xf0) == 0x40 ? at + 1 : at;

	return (insn->flags & GRAFT_INSN_INDIRECT) && insn->len >= 2 &&
	       opcode[0] == 0xff && opcode[1] >= 0xd0 && opcode[1] < 0xe8 &&
	       ((high ? 8 : 0) | (opcode[1] & 7)) == reg;
}

/** Does an instruction put the address of a function into a register in 64 bits, which
 * one behind it goes through? */
static bool
calls_far(const struct graft_code *code, const struct graft_func *func,
	  const uint8_t *bytes, uint32_t i)
{
	const struct graft_insn *insns = &code->insns[func->first_insn];
	const struct graft_ref *ref = insns[i].ref == GRAFT_NONE
					      ? NULL
					      : &code->refs[insns[i].ref];

	if (!ref || !ref->absolute || ref->width != 8)
		return false;
	const struct graft_section *section =
		graft_image_section_at(code->image, ref->target);
	if (!section || !(section->flags & SHF_EXECINSTR))
		return false;
	// Nothing but arguments stands between the two.
	for (uint32_t k = i + 1; k < func->insn_count; k++) {
		if (insns[k].flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP))
			return goes_through(bytes + insns[k].off, &insns[k],
					    ref->reg);
	}
	return false;
}

void
graft_large_mark(const struct graft_code *code, struct graft_func *func)
{
	uint64_t got = got_of(code->image);
	const uint8_t *bytes = graft_func_bytes(code, func);

	for (uint32_t i = 0; bytes && i < func->insn_count; i++) {
		const struct graft_insn *insn =
			&code->insns[func->first_insn + i];
		uint64_t number;
		if (!read_movabs(bytes, insn, &number) ||
		    (!(got && takes_got(code, func, got, number)) &&
		     !calls_far(code, func, bytes, i)))
			continue;
		func->bound = GRAFT_BOUND_DISTANCE;
		func->bound_at = func->addr + insn->off;
		return;
	}
}
