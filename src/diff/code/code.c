// SPDX-License-Identifier: Apache-2.0

#include "diff/code/code.h"

#include "base/hash.h"
#include "base/vec.h"
#include "diff/code/absolute.h"
#include "diff/code/back.h"
#include "diff/code/clones.h"
#include "diff/code/group.h"
#include "diff/code/large.h"
#include "diff/code/layout.h"
#include "diff/code/past.h"
#include "diff/code/used.h"

#include <Zydis/Zydis.h>
#include <string.h>

enum {
	/** What stands for each byte of an absolute address in normal forms: a blanked
	 * displacement and a number may both be 0. */
	ADDRESS_BYTE = 0xad,
};

/** Seed of all hashes of code. */
static const uint64_t hash_seed = 0x677261667400U;

/** What is being decoded. */
struct decode {
	struct graft_code *code;
	size_t insn_cap;
	size_t ref_cap;
	ZydisDecoder decoder;
	/** Function at hand. */
	struct graft_func *func;
	const uint8_t *bytes;
	struct graft_back back;
};

const uint8_t *
graft_func_bytes(const struct graft_code *code, const struct graft_func *func)
{
	return graft_image_bytes(code->image, func->addr, func->size);
}

static uint64_t
sign_extended(const uint8_t *field, uint8_t width)
{
	int8_t narrow;
	int32_t wide;

	if (width == 1) {
		memcpy(&narrow, field, 1);
		return (uint64_t)(int64_t)narrow;
	}
	memcpy(&wide, field, 4);
	return (uint64_t)(int64_t)wide;
}

static struct graft_error *
add_ref(struct decode *decode, struct graft_ref ref)
{
	struct graft_code *code = decode->code;
	struct graft_error *err =
		graft_vec_reserve(&code->refs, &decode->ref_cap,
				  code->ref_count + 1, sizeof(*code->refs));
	if (err)
		return err;
	ref.insn = (uint32_t)code->insn_count;
	code->refs[code->ref_count++] = ref;
	decode->func->ref_count++;
	return NULL;
}

/** Say what a RIP-relative operand is used for. */
static void
read_access(const struct decode *decode, const ZydisDecoderContext *context,
	    const ZydisDecodedInstruction *insn, struct graft_ref *ref)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];

	ref->kind = GRAFT_REF_MEMORY;
	if (insn->mnemonic == ZYDIS_MNEMONIC_LEA) {
		ref->kind = GRAFT_REF_ADDRESS;
		ref->reg = (uint8_t)(insn->raw.modrm.reg | insn->raw.rex.R
								   << 3);
		return;
	}
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeOperands(&decode->decoder, context,
						     insn, operands,
						     insn->operand_count)))
		return;
	for (int i = 0; i < insn->operand_count; i++) {
		if (operands[i].type != ZYDIS_OPERAND_TYPE_MEMORY)
			continue;
		if (operands[i].mem.base !=
		    (ref->absolute ? ZYDIS_REGISTER_NONE : ZYDIS_REGISTER_RIP))
			continue;
		uint32_t len = operands[i].size / 8;
		ref->access = len < UINT8_MAX ? (uint8_t)len : 0;
		ref->writes = operands[i].actions &
			      ZYDIS_OPERAND_ACTION_MASK_WRITE;
	}
}

static uint8_t
classify(const ZydisDecodedInstruction *insn)
{
	bool relative = insn->raw.imm[0].is_relative;

	switch (insn->meta.category) {
	case ZYDIS_CATEGORY_CALL:
		return GRAFT_INSN_CALL | (relative ? 0 : GRAFT_INSN_INDIRECT);
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_COND_BR:
		return GRAFT_INSN_JUMP | (relative ? 0 : GRAFT_INSN_INDIRECT);
	case ZYDIS_CATEGORY_RET:
		return GRAFT_INSN_RET;
	default:
		return 0;
	}
}

/** Find the field of an instruction that is a reference or branch distance. */
static struct graft_error *
decode_fields(struct decode *decode, const ZydisDecoderContext *context,
	      const ZydisDecodedInstruction *zi, struct graft_insn *insn,
	      uint8_t *blank)
{
	const uint8_t *at = decode->bytes + insn->off;
	uint64_t addr = decode->func->addr + insn->off;
	struct graft_ref ref = { 0 };

	if (zi->raw.imm[0].is_relative && zi->raw.imm[0].size) {
		ref.width = zi->raw.imm[0].size / 8;
		ref.at = addr + zi->raw.imm[0].offset;
		memset(blank + zi->raw.imm[0].offset, 0, ref.width);
		if (ref.width != 1 && ref.width != 4)
			return NULL;
		ref.target = addr + insn->len +
			     sign_extended(at + zi->raw.imm[0].offset,
					   ref.width);
		if (ref.target - decode->func->addr < decode->func->size) {
			insn->flags |= GRAFT_INSN_INTERNAL;
			return NULL;
		}
		ref.kind = GRAFT_REF_BRANCH;
		ref.is_call = insn->flags & GRAFT_INSN_CALL;
	} else if ((zi->attributes & ZYDIS_ATTRIB_HAS_MODRM) &&
		   zi->raw.modrm.mod == 0 && zi->raw.modrm.rm == 5 &&
		   zi->raw.disp.size == 32) {
		ref.width = 4;
		ref.at = addr + zi->raw.disp.offset;
		ref.target = addr + insn->len +
			     sign_extended(at + zi->raw.disp.offset, 4);
		read_access(decode, context, zi, &ref);
		ref.is_call = insn->flags & GRAFT_INSN_CALL;
		memset(blank + zi->raw.disp.offset, 0, 4);
	} else if ((zi->attributes & ZYDIS_ATTRIB_HAS_SEGMENT_FS) &&
		   zi->raw.disp.size == 32 && zi->raw.disp.value < 0) {
		// Positive offsets are the thread's control block (the stack
		// protector's canary), whose layout is ABI.
		ref.kind = GRAFT_REF_TLS;
		ref.width = 4;
		ref.at = addr + zi->raw.disp.offset;
		ref.target = (uint64_t)zi->raw.disp.value;
		memset(blank + zi->raw.disp.offset, 0, 4);
	} else {
		return NULL;
	}
	insn->ref = (uint32_t)decode->code->ref_count;
	return add_ref(decode, ref);
}

/** Note the absolute addresses in an instruction; see absolute.h. */
static struct graft_error *
decode_absolutes(struct decode *decode, const ZydisDecoderContext *context,
		 const ZydisDecodedInstruction *zi, struct graft_insn *insn,
		 uint8_t *blank)
{
	struct graft_func *func = decode->func;
	uint64_t addr = func->addr + insn->off;
	struct graft_absolutes found;

	graft_absolute_find(decode->code->image, addr,
			    decode->bytes + insn->off, zi, &found);
	if (found.bound > func->bound) {
		func->bound = found.bound;
		func->bound_at = addr;
	}
	for (uint8_t i = 0; i < found.count; i++) {
		struct graft_ref *ref = &found.refs[i];
		if (ref->kind == GRAFT_REF_MEMORY) {
			read_access(decode, context, zi, ref);
			ref->is_call = insn->flags & GRAFT_INSN_CALL;
		}
		memset(blank + (ref->at - addr), ADDRESS_BYTE, ref->width);
		if (!ref->folded)
			insn->ref = (uint32_t)decode->code->ref_count;
		struct graft_error *err = add_ref(decode, *ref);
		if (err)
			return err;
	}
	return NULL;
}

/** Follow what registers hold of constants; see back.h. */
static void
follow(struct decode *decode, const ZydisDecoderContext *context,
       const ZydisDecodedInstruction *zi, const struct graft_insn *insn)
{
	struct graft_code *code = decode->code;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	const struct graft_ref *ref = insn->ref == GRAFT_NONE
					      ? NULL
					      : &code->refs[insn->ref];

	if (ref && ref->kind == GRAFT_REF_ADDRESS) {
		graft_back_take(&decode->back, ref->reg, insn->ref);
		return;
	}
	bool number = zi->mnemonic == ZYDIS_MNEMONIC_MOV && zi->raw.imm[0].size;
	if ((decode->back.held || number) &&
	    ZYAN_SUCCESS(ZydisDecoderDecodeOperands(&decode->decoder, context,
						    zi, operands,
						    zi->operand_count)))
		graft_back_note(&decode->back, code->refs, zi, operands);
}

static struct graft_error *
decode_one(struct decode *decode, uint32_t off, uint8_t *len_ret)
{
	struct graft_code *code = decode->code;
	const uint8_t *at = decode->bytes + off;
	size_t left = decode->func->size - off;
	struct graft_insn insn = { .off = off, .ref = GRAFT_NONE, .len = 1 };
	ZydisDecodedInstruction zi;
	ZydisDecoderContext context;
	uint8_t blank[ZYDIS_MAX_INSTRUCTION_LENGTH];

	struct graft_error *err =
		graft_vec_reserve(&code->insns, &decode->insn_cap,
				  code->insn_count + 1, sizeof(*code->insns));
	if (err)
		return err;
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(
		    &decode->decoder, &context, at, left, &zi))) {
		insn.flags = GRAFT_INSN_BAD;
		decode->func->bad = true;
		blank[0] = at[0];
	} else {
		insn.len = zi.length;
		insn.flags = classify(&zi);
		memcpy(blank, at, insn.len);
		err = decode_fields(decode, &context, &zi, &insn, blank);
		if (!err && graft_image_is_fixed(code->image))
			err = decode_absolutes(decode, &context, &zi, &insn,
					       blank);
		if (err)
			return err;
		follow(decode, &context, &zi, &insn);
		if ((insn.flags & GRAFT_INSN_JUMP) &&
		    (insn.flags & GRAFT_INSN_INDIRECT))
			decode->func->indirect_jump = true;
		if (off == 0 && zi.mnemonic == ZYDIS_MNEMONIC_ENDBR64)
			decode->func->endbr = true;
	}
	insn.hash = graft_hash_bytes(hash_seed, blank, insn.len);
	code->insns[code->insn_count++] = insn;
	decode->func->insn_count++;
	*len_ret = insn.len;
	return NULL;
}

/** Hash a function's bytes with its references, and only those, blanked. */
static void
hash_func(struct decode *decode)
{
	const struct graft_code *code = decode->code;
	struct graft_func *func = decode->func;
	uint64_t hash = graft_hash_mix(hash_seed, func->size);

	for (uint32_t i = 0; i < func->insn_count; i++) {
		const struct graft_insn *insn =
			&code->insns[func->first_insn + i];
		hash = graft_hash_mix(hash, insn->hash);
		if (insn->flags & GRAFT_INSN_INTERNAL)
			hash = graft_hash_bytes(hash, decode->bytes + insn->off,
						insn->len);
	}
	func->hash = hash;
}

/**
 * Take a stretch as data: assemblers put tables between functions, and what
 * decodes in them means nothing. It is compared byte by byte.
 */
static void
take_as_data(struct decode *decode)
{
	struct graft_code *code = decode->code;
	struct graft_func *func = decode->func;

	code->ref_count = func->first_ref;
	func->ref_count = 0;
	func->indirect_jump = false;
	for (uint32_t i = 0; i < func->insn_count; i++) {
		struct graft_insn *insn = &code->insns[func->first_insn + i];
		insn->ref = GRAFT_NONE;
		insn->flags = GRAFT_INSN_BAD;
		insn->hash = graft_hash_bytes(
			hash_seed, decode->bytes + insn->off, insn->len);
	}
}

static struct graft_error *
decode_func(struct decode *decode, struct graft_func *func)
{
	decode->func = func;
	decode->back = (struct graft_back){ 0 };
	decode->bytes = graft_func_bytes(decode->code, func);
	func->first_insn = (uint32_t)decode->code->insn_count;
	func->first_ref = (uint32_t)decode->code->ref_count;
	if (!decode->bytes || func->size > UINT32_MAX ||
	    decode->code->insn_count + func->size > UINT32_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s: too much code at 0x%llx",
				       graft_image_path(decode->code->image),
				       (unsigned long long)func->addr);

	uint8_t len = 0;
	for (uint64_t off = 0; off < func->size; off += len) {
		struct graft_error *err = decode_one(decode, (uint32_t)off,
						     &len);
		if (err)
			return err;
	}
	if (func->bad && !func->extent && !func->symbol)
		take_as_data(decode);
	graft_large_mark(decode->code, func);
	hash_func(decode);
	return NULL;
}

struct graft_error *
graft_code_make(const struct graft_image *image, struct graft_code **ret)
{
	GRAFT_CLEANUP(graft_code_freep)
	struct graft_code *code = calloc(1, sizeof(*code));
	if (!code)
		return graft_error_no_memory();
	code->image = image;

	struct graft_error *err = graft_layout_find(code);
	if (err)
		return err;
	struct decode decode = { .code = code };
	ZydisDecoderInit(&decode.decoder, ZYDIS_MACHINE_MODE_LONG_64,
			 ZYDIS_STACK_WIDTH_64);
	for (size_t i = 0; i < code->func_count; i++) {
		err = decode_func(&decode, &code->funcs[i]);
		if (err)
			return err;
	}
	err = graft_group_make(code);
	graft_clones_mark(code);
	if (!err)
		err = graft_past_find(code);
	if (!err)
		err = graft_used_find(code);
	if (err)
		return err;
	*ret = GRAFT_TAKE(code);
	return NULL;
}

void
graft_code_free(struct graft_code *code)
{
	if (!code)
		return;
	free(code->funcs);
	free(code->insns);
	free(code->refs);
	free(code->starts);
	free(code->marks);
	free(code->tables);
	free(code->spreads);
	free(code);
}
