// SPDX-License-Identifier: Apache-2.0

#include "diff/match/shape.h"

#include "base/hash.h"
#include "base/sorted.h"
#include "diff/code/absolute.h"
#include "diff/code/area.h"
#include "diff/match/data.h"
#include "diff/match/signature.h"

#include <Zydis/Zydis.h>

enum {
	/** Where the labels of operands begin; any numbers that differ. */
	SHAPE_NAMED = 16,
	SHAPE_MEMORY,
	SHAPE_NUMBER,
	SHAPE_REGISTER,
};

/** Find the OLD address of a datum that is surely known; 0: it is not. */
static uint64_t
known_address(const struct graft_diff *diff, bool new_side, uint64_t addr)
{
	const struct graft_data_map *map = diff->data;
	uint64_t agreed;

	if (new_side)
		return graft_data_map_agreed(diff, addr, &agreed) ? agreed : 0;
	for (size_t i = GRAFT_SORTED_BELOW(map->by_old, map->by_old_count,
					   old_addr, addr);
	     i < map->by_old_count && map->by_old[i].old_addr == addr; i++) {
		if (graft_data_map_agreed(diff, map->by_old[i].new_addr,
					  &agreed) &&
		    agreed == addr)
			return addr;
	}
	return 0;
}

/** Hash what an instruction names. */
static uint64_t
hash_named(const struct graft_diff *diff, bool new_side,
	   const struct graft_ref *ref)
{
	const struct graft_image *image = new_side ? diff->new_image
						   : diff->old_image;
	uint64_t hash = graft_hash_mix(SHAPE_NAMED, ref->kind);

	hash = graft_hash_mix(hash, ref->access);
	hash = graft_hash_mix(hash, ref->writes);
	if (ref->kind != GRAFT_REF_TLS &&
	    graft_area_of(image, ref->target) == GRAFT_AREA_DATA)
		return graft_hash_mix(
			hash, known_address(diff, new_side, ref->target));
	return graft_hash_mix(hash, graft_signature_ref(diff, new_side, ref));
}

static bool
is_frame(ZydisRegister reg)
{
	return reg == ZYDIS_REGISTER_RSP || reg == ZYDIS_REGISTER_RBP;
}

/** Does an instruction only move things to where the next ones want them? */
static bool
tells_nothing(const struct graft_insn *insn, const ZydisDecodedInstruction *zi,
	      const ZydisDecodedOperand *operands)
{
	const ZydisDecodedOperand *first = &operands[0];
	const ZydisDecodedOperand *second = &operands[1];

	if (insn->ref != GRAFT_NONE)
		return false;
	if (insn->flags & (GRAFT_INSN_BAD | GRAFT_INSN_RET) ||
	    (insn->flags & GRAFT_INSN_JUMP &&
	     insn->flags & GRAFT_INSN_INTERNAL))
		return true;
	switch (zi->mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_POP:
	case ZYDIS_MNEMONIC_NOP:
	case ZYDIS_MNEMONIC_LEAVE:
	case ZYDIS_MNEMONIC_ENDBR64:
		return true;
	default:
		break;
	}
	for (uint8_t i = 0; i < zi->operand_count_visible; i++) {
		if (operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY
			    ? is_frame(operands[i].mem.base)
			    : operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
				      operands[i].reg.value ==
					      ZYDIS_REGISTER_RSP)
			return true;
	}
	if (zi->operand_count_visible != 2 ||
	    first->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    second->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return false;
	return zi->mnemonic == ZYDIS_MNEMONIC_MOV ||
	       (zi->mnemonic == ZYDIS_MNEMONIC_XOR &&
		first->reg.value == second->reg.value);
}

static uint64_t
hash_operand(uint64_t hash, const ZydisDecodedOperand *operand)
{
	hash = graft_hash_mix(hash, operand->size);
	switch (operand->type) {
	case ZYDIS_OPERAND_TYPE_MEMORY:
		hash = graft_hash_mix(hash, SHAPE_MEMORY);
		hash = graft_hash_mix(hash, operand->mem.scale);
		// What an instruction names stands in its reference.
		return operand->mem.base == ZYDIS_REGISTER_RIP
			       ? hash
			       : graft_hash_mix(
					 hash,
					 (uint64_t)operand->mem.disp.value);
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		if (operand->imm.is_relative)
			return hash;
		hash = graft_hash_mix(hash, SHAPE_NUMBER);
		return graft_hash_mix(hash, operand->imm.value.u);
	default:
		return graft_hash_mix(hash, SHAPE_REGISTER);
	}
}

static uint64_t
hash_insn(const struct graft_diff *diff, bool new_side,
	  const struct graft_insn *insn, const ZydisDecodedInstruction *zi,
	  const ZydisDecodedOperand *operands)
{
	const struct graft_code *code = new_side ? diff->new_code
						 : diff->old_code;
	uint64_t hash = graft_hash_mix(1, zi->mnemonic);

	if (tells_nothing(insn, zi, operands))
		return 0;
	for (uint8_t i = 0; i < zi->operand_count_visible; i++)
		hash = hash_operand(hash, &operands[i]);
	if (insn->ref != GRAFT_NONE)
		hash = graft_hash_mix(hash, hash_named(diff, new_side,
						       &code->refs[insn->ref]));
	return hash ? hash : 1;
}

struct graft_error *
graft_shape_hash(const struct graft_diff *diff, bool new_side, uint32_t func,
		 uint64_t **ret)
{
	const struct graft_code *code = new_side ? diff->new_code
						 : diff->old_code;
	const struct graft_func *f = &code->funcs[func];
	const uint8_t *bytes = graft_func_bytes(code, f);
	ZydisDecoder decoder;
	uint64_t *hashes = calloc((size_t)f->insn_count + 1, sizeof(*hashes));

	if (!hashes)
		return graft_error_no_memory();
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64,
			 ZYDIS_STACK_WIDTH_64);
	for (uint32_t i = 0; i < f->insn_count; i++) {
		const struct graft_insn *insn = &code->insns[f->first_insn + i];
		ZydisDecodedInstruction zi;
		ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
		if (!(insn->flags & GRAFT_INSN_BAD) &&
		    ZYAN_SUCCESS(
			    ZydisDecoderDecodeFull(&decoder, bytes + insn->off,
						   insn->len, &zi, operands))) {
			graft_absolute_show(code, f, insn, &zi, operands);
			hashes[i] = hash_insn(diff, new_side, insn, &zi,
					      operands);
		}
	}
	*ret = hashes;
	return NULL;
}
