// SPDX-License-Identifier: Apache-2.0

// unwinding. Where an exception may pass through what is carried, its
// unwind tables come along (diff/unwind/frames.h; where they cannot, that is a finding)
// and the process must be told of them: whether it can be is for plan/ to say.
//
// C compiled without -fexceptions needs none: exceptions must not pass through
// it by the rules of the languages. Calls through pointers from it are said in
// a note, because some programs throw through C callbacks regardless.

#include "judge/rules/checks.h"

#include "diff/code/throws.h"
#include "diff/unwind/frames.h"

/** Note carried C code that calls through pointers. */
static struct graft_error *
note_callbacks(struct graft_case *c)
{
	const struct graft_code *code = c->diff->new_code;
	size_t count = 0;
	uint32_t first = GRAFT_NONE;

	for (size_t i = 0; i < c->diff->carried_count; i++) {
		const struct graft_func *f = &code->funcs[c->diff->carried[i]];
		for (uint32_t j = 0; j < f->insn_count; j++) {
			const struct graft_insn *insn =
				&code->insns[f->first_insn + j];
			if (!(insn->flags & GRAFT_INSN_CALL) ||
			    !graft_callee_of(code, insn).indirect)
				continue;
			if (count++ == 0)
				first = c->diff->carried[i];
			break;
		}
	}
	if (first == GRAFT_NONE)
		return NULL;
	struct graft_place_text where =
		graft_place_code(code, first, code->funcs[first].addr);
	return graft_case_note(
		c, GRAFT_RULE_UNWIND, where.str,
		"%zu carried functions call through pointers: an exception that a callback throws through this C code, which the language forbids, would end the program",
		count);
}

/** Say that the process must be told of unwind tables, and why. */
static struct graft_error *
note_frames(struct graft_case *c)
{
	const struct graft_code *code = c->diff->new_code;
	GRAFT_FREE bool *may = NULL;
	struct graft_error *err = graft_throws_make(code, &may);

	for (size_t i = 0; !err && i < c->diff->carried_count; i++) {
		uint32_t func = c->diff->carried[i];
		const struct graft_extent *extent = code->funcs[func].extent;
		bool lands = extent && extent->lsda;
		char name[200];
		if (!lands &&
		    (!may[func] ||
		     !graft_throws_find(code, may, func, name, sizeof(name))))
			continue;
		struct graft_place_text where =
			graft_place_code(code, func, code->funcs[func].addr);
		if (lands)
			return graft_case_note(
				c, GRAFT_RULE_UNWIND, where.str,
				"it catches exceptions or cleans up behind them: the process is told of the unwind tables of carried code, or refused");
		return graft_case_note(
			c, GRAFT_RULE_UNWIND, where.str,
			"it calls %s, from where an exception may pass through it: the process is told of the unwind tables of carried code, or refused",
			name);
	}
	return err;
}

struct graft_error *
graft_check_unwind(struct graft_case *c)
{
	if (c->diff->frames && c->diff->frames->bytes)
		return note_frames(c);
	if (graft_throws_known(c->diff->new_image) ||
	    graft_throws_known(c->diff->old_image))
		return NULL;
	return note_callbacks(c);
}
