// SPDX-License-Identifier: Apache-2.0

#include "diff/code/callee.h"

enum {
	/** How deep callees are looked into. */
	DEPTH_MAX = 2,
};

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

/**
 * Say whether a function, or one that it calls, calls something of another
 * module: then a compiler takes everything that the ABI lets a call destroy to
 * be destroyed.
 */
static bool
calls_out(const struct graft_code *code, uint32_t group, unsigned depth)
{
	for (uint32_t f = group; f != GRAFT_NONE;
	     f = code->funcs[f].group_next) {
		const struct graft_func *func = &code->funcs[f];
		for (uint32_t i = 0; i < func->insn_count; i++) {
			const struct graft_insn *insn =
				&code->insns[func->first_insn + i];
			bool call = insn->flags & GRAFT_INSN_CALL;
			// A jump out of it is a call too, but not every jump
			// through a register is one out of it.
			if (!call && (!(insn->flags & GRAFT_INSN_JUMP) ||
				      (insn->flags & GRAFT_INSN_INTERNAL) ||
				      insn->ref == GRAFT_NONE))
				continue;
			struct graft_callee inner = graft_callee_of(code, insn);
			if (inner.import || (call && inner.indirect))
				return true;
			if (depth && inner.func != GRAFT_NONE &&
			    calls_out(code, code->funcs[inner.func].group,
				      depth - 1))
				return true;
		}
	}
	return false;
}

bool
graft_callee_destroys(const struct graft_code *code,
		      const struct graft_callee *callee)
{
	if (callee->import || callee->indirect)
		return true;
	return callee->func != GRAFT_NONE &&
	       calls_out(code, code->funcs[callee->func].group, DEPTH_MAX);
}
