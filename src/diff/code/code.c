// SPDX-License-Identifier: Apache-2.0

#include "diff/code/code.h"

#include "base/hash.h"
#include "base/sorted.h"
#include "base/text.h"
#include "base/vec.h"
#include "diff/code/back.h"
#include "diff/code/clones.h"
#include "diff/code/group.h"
#include "diff/code/layout.h"
#include "diff/code/past.h"
#include "diff/code/used.h"

#include <Zydis/Zydis.h>
#include <stdio.h>
#include <string.h>

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
		if (operands[i].mem.base != ZYDIS_REGISTER_RIP)
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

uint32_t
graft_code_func_before(const struct graft_code *code, uint64_t addr)
{
	size_t count = GRAFT_SORTED_UP_TO(code->funcs, code->func_count, addr,
					  addr);

	return count ? (uint32_t)(count - 1) : GRAFT_NONE;
}

uint32_t
graft_code_func_at(const struct graft_code *code, uint64_t addr)
{
	uint32_t func = graft_code_func_before(code, addr);

	if (func == GRAFT_NONE ||
	    addr - code->funcs[func].addr >= code->funcs[func].size)
		return GRAFT_NONE;
	return func;
}

uint32_t
graft_code_func_starting(const struct graft_code *code, uint64_t addr)
{
	uint32_t func = graft_code_func_at(code, addr);

	if (func == GRAFT_NONE || code->funcs[func].addr != addr)
		return GRAFT_NONE;
	return func;
}

uint32_t
graft_code_insn_at(const struct graft_code *code, const struct graft_func *func,
		   uint64_t addr)
{
	uint32_t low = func->first_insn;
	uint32_t end = func->first_insn + func->insn_count;
	uint32_t high = end;
	uint64_t off = addr - func->addr;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (code->insns[mid].off < off)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == end || code->insns[low].off != off)
		return GRAFT_NONE;
	return low;
}

void
graft_code_name(const struct graft_code *code, uint32_t func, char *buf,
		size_t len)
{
	const struct graft_func *f = &code->funcs[func];
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text name = { 0 };

	// A symbol may hold anything; a hotpatch and a terminal take text only.
	if (f->symbol && f->symbol->name[0])
		graft_text_put_safe(&name, f->symbol->name);
	if (!name.len || name.failed) {
		snprintf(buf, len, "sub_%llx", (unsigned long long)f->addr);
		return;
	}
	size_t cut = name.len < len ? name.len : len - 1;
	while (cut < name.len && cut > 0 && (name.str[cut] & 0xc0) == 0x80)
		cut--;
	memcpy(buf, name.str, cut);
	buf[cut] = '\0';
}

uint64_t
graft_func_padding(const struct graft_code *code, uint32_t func)
{
	const struct graft_func *f = &code->funcs[func];
	uint64_t end = f->section->addr + f->section->size;

	if (func + 1 < code->func_count && code->funcs[func + 1].addr < end)
		end = code->funcs[func + 1].addr;
	uint64_t start = f->addr + f->size;
	if (start >= end)
		return 0;
	const uint8_t *bytes = graft_image_bytes(code->image, start,
						 end - start);
	return bytes ? graft_layout_padding(bytes, end - start) : 0;
}
