// SPDX-License-Identifier: Apache-2.0

#include "diff/match/witness.h"

#include "diff/match/data.h"
#include "diff/match/witness_tables.h"

#include <stdlib.h>

/** Find the function that starts at an address, or #GRAFT_NONE. */
static uint32_t
func_from(const struct graft_code *code, uint64_t addr)
{
	uint32_t func = graft_code_func_at(code, addr);

	return func != GRAFT_NONE && code->funcs[func].addr == addr
		       ? func
		       : GRAFT_NONE;
}

/** What is known so far. */
struct asked {
	const struct graft_diff *diff;
	/** Per OLD function: a pointer confirms its match. */
	bool *confirmed;
};

/** Note that pointers to two functions stand at the same place. */
static void
confirm(const struct graft_diff *diff, uint64_t old_addr, uint64_t new_addr,
	bool *ret)
{
	uint32_t n = func_from(diff->new_code, new_addr);
	uint32_t o = func_from(diff->old_code, old_addr);

	if (o != GRAFT_NONE && n != GRAFT_NONE && diff->new_match[n].other == o)
		ret[o] = true;
}

/** Does a slot of OLD that may stand for one of NEW confirm a match? */
static void
try_slot(const struct graft_diff *diff, uint64_t old_slot,
	 const struct graft_reloc *n, bool *ret)
{
	const struct graft_reloc *o = graft_image_reloc_at(diff->old_image,
							   old_slot);

	if (o && o->type == n->type)
		confirm(diff, (uint64_t)o->addend, (uint64_t)n->addend, ret);
}

/** Try where the nearest thing that code names puts a slot. */
static void
try_neighbour(const struct graft_diff *diff, const struct graft_reloc *n,
	      bool behind, bool *ret)
{
	const struct graft_sighting *s = graft_data_map_near(diff, n->addr,
							     behind);

	if (s)
		try_slot(diff, s->old_addr + (n->addr - s->new_addr), n, ret);
}

static void
ask_slots(const struct graft_diff *diff, bool *ret)
{
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(diff->new_image,
							      &count);

	for (size_t i = 0; i < count; i++) {
		const struct graft_reloc *n = &relocs[i];
		uint64_t old_slot;
		if (n->type != R_X86_64_RELATIVE ||
		    func_from(diff->new_code, (uint64_t)n->addend) ==
			    GRAFT_NONE)
			continue;
		if (graft_diff_old_data(diff, n->addr, &old_slot) >
		    GRAFT_WITNESS_CONFLICT)
			try_slot(diff, old_slot, n, ret);
		try_neighbour(diff, n, false, ret);
		try_neighbour(diff, n, true, ret);
	}
}

/** Is a match known by more than order: by its evidence, or by a pointer? */
static bool
is_known(const struct asked *asked, uint32_t n)
{
	const struct graft_func_match *match = &asked->diff->new_match[n];

	return match->other != GRAFT_NONE &&
	       (match->evidence > GRAFT_EVIDENCE_ORDER ||
		asked->confirmed[match->other]);
}

/**
 * Does a function do the same with the same things on both sides?
 *
 * Where it changed, an address that it hands out may go with another name or
 * number than in OLD: two callbacks and the lines that register them, both
 * swapped, look like nothing but other texts. Calls may be swapped likewise, and
 * no count of them tells. What else is in its group says nothing about it.
 */
static bool
is_unchanged(const struct graft_func_match *match)
{
	// Line numbers that are handed over as such count as form only.
	uint8_t elsewhere = GRAFT_CHANGE_GROUP | GRAFT_CHANGE_REACH |
			    GRAFT_CHANGE_FORM;

	return (match->same_form || match->only_lines) &&
	       (match->change & ~elsewhere) == 0;
}

/** Ask the references of aligned instructions. */
static struct graft_error *
ask_func(struct asked *asked, uint32_t n)
{
	const struct graft_diff *diff = asked->diff;
	GRAFT_FREE struct graft_insn_pair *pairs = NULL;
	size_t count = 0;
	struct graft_error *err = graft_diff_align(
		diff, diff->new_match[n].other, n, &pairs, &count);

	for (size_t i = 0; !err && i < count; i++) {
		uint32_t o = diff->old_code->insns[pairs[i].old_insn].ref;
		uint32_t r = diff->new_code->insns[pairs[i].new_insn].ref;
		if (pairs[i].equal && o != GRAFT_NONE && r != GRAFT_NONE)
			confirm(diff, diff->old_code->refs[o].target,
				diff->new_code->refs[r].target,
				asked->confirmed);
	}
	return err;
}

/** Does a function name one of which nobody knows yet which it is? */
static bool
names_doubtful(const struct asked *asked, uint32_t n)
{
	const struct graft_code *code = asked->diff->new_code;
	const struct graft_func *f = &code->funcs[n];

	for (uint32_t i = 0; i < f->ref_count; i++) {
		uint32_t func = func_from(code,
					  code->refs[f->first_ref + i].target);
		if (func != GRAFT_NONE &&
		    asked->diff->new_match[func].other != GRAFT_NONE &&
		    !is_known(asked, func))
			return true;
	}
	return false;
}

/**
 * Ask all functions that are known, those too that came to be known by that.
 *
 * What order alone matched is no witness itself; what a pointer of such a
 * witness confirms is: a table names a function that is too short to be told by
 * its form, and that one registers others.
 */
static struct graft_error *
ask_code(struct asked *asked)
{
	size_t count = asked->diff->new_code->func_count;
	GRAFT_FREE bool *done = calloc(count + 1, sizeof(*done));
	struct graft_error *err = NULL;
	bool more = true;

	if (!done)
		return graft_error_no_memory();
	while (more && !err) {
		more = false;
		for (uint32_t n = 0; !err && n < count; n++) {
			if (done[n] || !is_known(asked, n) ||
			    !is_unchanged(&asked->diff->new_match[n]) ||
			    !names_doubtful(asked, n))
				continue;
			done[n] = more = true;
			err = ask_func(asked, n);
		}
	}
	return err;
}

struct graft_error *
graft_witness_find(const struct graft_diff *diff, bool *ret)
{
	struct asked asked = { .diff = diff, .confirmed = ret };

	ask_slots(diff, ret);
	struct graft_error *err = graft_witness_tables(diff, ret);
	if (!err)
		err = ask_code(&asked);
	return err;
}
