// SPDX-License-Identifier: Apache-2.0

#include "diff/code/clones.h"

#include <string.h>

/** Is it one of the functions that register transactional clones? */
static bool
registers_clones(const struct graft_code *code, const struct graft_func *func)
{
	for (uint32_t i = 0; i < func->ref_count; i++) {
		const struct graft_reloc *reloc = graft_image_reloc_at(
			code->image, code->refs[func->first_ref + i].target);
		if (reloc && reloc->symbol &&
		    strncmp(reloc->symbol->name, "_ITM_", 5) == 0)
			return true;
	}
	return false;
}

void
graft_clones_mark(struct graft_code *code)
{
	const struct graft_section *data =
		graft_image_section_named(code->image, ".data");
	uint64_t end = data ? (data->addr + data->size + 7) & ~UINT64_C(7) : 0;

	for (size_t f = 0; data && f < code->func_count; f++) {
		const struct graft_func *func = &code->funcs[f];
		if (!registers_clones(code, func))
			continue;
		for (uint32_t i = 0; i < func->ref_count; i++) {
			struct graft_ref *ref =
				&code->refs[func->first_ref + i];
			ref->clones = ref->kind == GRAFT_REF_ADDRESS &&
				      ref->target == end;
		}
	}
}
