// SPDX-License-Identifier: Apache-2.0

#include "diff/callee.h"

void
graft_callee_of_reloc(const struct graft_code *code,
		      const struct graft_reloc *reloc,
		      struct graft_callee *callee)
{
	const struct graft_symbol *symbol = reloc->symbol;

	if (symbol) {
		callee->import = symbol->name;
		callee->version = symbol->version;
		if (symbol->defined)
			callee->func = graft_code_func_starting(code,
								symbol->addr);
	} else if (reloc->type == R_X86_64_RELATIVE) {
		callee->func =
			graft_code_func_starting(code, (uint64_t)reloc->addend);
	}
}

struct graft_callee
graft_callee_of(const struct graft_code *code, const struct graft_insn *insn)
{
	struct graft_callee callee = { .func = GRAFT_NONE };
	const struct graft_reloc *reloc = NULL;

	if (insn->ref == GRAFT_NONE) {
		callee.indirect = insn->flags & GRAFT_INSN_INDIRECT;
		return callee;
	}
	const struct graft_ref *ref = &code->refs[insn->ref];
	if (ref->kind == GRAFT_REF_TLS)
		return callee;
	const struct graft_plt *plt = graft_image_plt_at(code->image,
							 ref->target);
	if (ref->kind == GRAFT_REF_MEMORY)
		reloc = graft_image_reloc_at(code->image, ref->target);
	else if (plt)
		reloc = plt->reloc;
	else
		callee.func = graft_code_func_starting(code, ref->target);
	if (reloc)
		graft_callee_of_reloc(code, reloc, &callee);
	callee.indirect = (insn->flags & GRAFT_INSN_INDIRECT) &&
			  !callee.import && callee.func == GRAFT_NONE;
	return callee;
}
