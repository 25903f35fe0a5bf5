// SPDX-License-Identifier: Apache-2.0

// what `new[]` allocates. Where objects of a class have something to do when
// they end, their number stands in front of the array, and `delete[]` frees from
// there. A class that gains or loses a destructor keeps its size and members, but
// arrays that OLD made have no number in front, or one that nobody expects.

#include "diff/code/callee.h"
#include "judge/types/state.h"

#include <stdio.h>
#include <string.h>

/** Say whether a name is that of an operator `new[]` or `delete[]`, that of the
 * language or of a class. */
static bool
is_array_operator(const char *name)
{
	return strncmp(name, "_Zna", 4) == 0 || strncmp(name, "_Zda", 4) == 0 ||
	       (strncmp(name, "_ZN", 3) == 0 &&
		(strstr(name, "naEm") || strstr(name, "daEPv")));
}

static bool
calls_array_operator(const struct graft_code *code, uint32_t func)
{
	const struct graft_func *f = &code->funcs[func];

	for (uint32_t i = 0; i < f->insn_count; i++) {
		const struct graft_insn *insn = &code->insns[f->first_insn + i];
		if (!(insn->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) ||
		    (insn->flags & GRAFT_INSN_INTERNAL))
			continue;
		struct graft_callee callee = graft_callee_of(code, insn);
		if (callee.import && is_array_operator(callee.import))
			return true;
		if (callee.func != GRAFT_NONE &&
		    code->funcs[callee.func].symbol &&
		    is_array_operator(code->funcs[callee.func].symbol->name))
			return true;
	}
	return false;
}

bool
graft_types_has_arrays(const struct graft_case *c)
{
	const struct graft_diff *diff = c->diff;

	for (size_t i = 0; i < diff->carried_count; i++) {
		uint32_t o = diff->new_match[diff->carried[i]].other;
		if (calls_array_operator(diff->new_code, diff->carried[i]) ||
		    (o != GRAFT_NONE &&
		     calls_array_operator(diff->old_code, o)))
			return true;
	}
	return false;
}

struct graft_error *
graft_comparer_same_count(struct graft_comparer *comparer, uint32_t o,
			  uint32_t n, char *buf, size_t len)
{
	bool was;
	bool is;

	buf[0] = '\0';
	if (!comparer->arrays)
		return NULL;
	struct graft_error *err =
		graft_dwarf_type_is_counted(comparer->old_dwarf, o, &was);
	if (!err)
		err = graft_dwarf_type_is_counted(comparer->new_dwarf, n, &is);
	if (!err && was != is)
		(void)snprintf(
			buf, len,
			"arrays of it %s their number in front of them, because objects of it %s destructor, and carried code makes or ends arrays",
			is ? "now have" : "no longer have",
			is ? "have a" : "have no");
	return err;
}
