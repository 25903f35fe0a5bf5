// SPDX-License-Identifier: Apache-2.0

#include "diff/code/main.h"

#include "diff/code/area.h"

#include <string.h>

enum {
	RDI = 7,
};

/** The function at the target of a `lea`, or behind a RELATIVE GOT slot. */
static uint32_t
named_func(const struct graft_code *code, const struct graft_ref *ref)
{
	uint64_t target = ref->target;

	if (ref->kind == GRAFT_REF_MEMORY && !ref->is_call) {
		const struct graft_reloc *reloc =
			graft_image_reloc_at(code->image, target);
		if (!reloc)
			return GRAFT_NONE;
		if (reloc->type == R_X86_64_RELATIVE)
			target = (uint64_t)reloc->addend;
		else if (reloc->symbol && reloc->symbol->defined)
			target = reloc->symbol->addr;
		else
			return GRAFT_NONE;
	} else if (ref->kind != GRAFT_REF_ADDRESS) {
		return GRAFT_NONE;
	}
	uint32_t func = graft_code_func_at(code, target);
	if (func == GRAFT_NONE || code->funcs[func].addr != target)
		return GRAFT_NONE;
	return func;
}

uint32_t
graft_main_find(const struct graft_code *code)
{
	for (uint32_t i = 0; i < code->func_count; i++) {
		const struct graft_symbol *symbol = code->funcs[i].symbol;
		if (symbol && strcmp(symbol->name, "main") == 0)
			return i;
	}
	uint64_t entry = graft_image_entry(code->image);
	uint32_t start = entry ? graft_code_func_at(code, entry) : GRAFT_NONE;
	if (start == GRAFT_NONE || code->funcs[start].addr != entry)
		return GRAFT_NONE;
	const struct graft_func *func = &code->funcs[start];
	for (uint32_t i = 0; i < func->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[func->first_ref + i];
		const struct graft_insn *insn = &code->insns[ref->insn];
		const uint8_t *bytes = graft_image_bytes(
			code->image, func->addr + insn->off, insn->len);
		// `lea or mov disp32(%rip),%rdi`: ModRM 00 111 101. `mov
		// $imm32,%rdi` or `,%edi` at a fixed address.
		if ((bytes && insn->len == 7 && bytes[2] == 0x3d) ||
		    (ref->absolute && ref->reg == RDI))
			return named_func(code, ref);
	}
	return GRAFT_NONE;
}
