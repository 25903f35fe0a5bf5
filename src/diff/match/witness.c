// SPDX-License-Identifier: Apache-2.0

#include "diff/match/witness.h"

#include "diff/match/beside.h"
#include "diff/match/data.h"

#include <string.h>

/** Find the function that starts at an address, or #GRAFT_NONE. */
static uint32_t
func_from(const struct graft_code *code, uint64_t addr)
{
	uint32_t func = graft_code_func_at(code, addr);

	return func != GRAFT_NONE && code->funcs[func].addr == addr
		       ? func
		       : GRAFT_NONE;
}

/**
 * Note that pointers to two functions stand at the same place.
 *
 * @param[in] taker NEW function that holds the pointer, or #GRAFT_NONE for data:
 * rows of tables are inserted too, and do not tell what is only counted.
 */
static void
confirm(const struct graft_diff *diff, uint32_t taker, uint64_t old_addr,
	uint64_t new_addr, bool *ret)
{
	uint32_t n = func_from(diff->new_code, new_addr);
	uint32_t o = func_from(diff->old_code, old_addr);

	if (o == GRAFT_NONE || n == GRAFT_NONE || diff->new_match[n].other != o)
		return;
	if (taker == GRAFT_NONE ? !graft_beside_is_counted(diff, n)
				: graft_beside_tells(diff, taker, o, n))
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
		confirm(diff, GRAFT_NONE, (uint64_t)o->addend,
			(uint64_t)n->addend, ret);
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

/** Ask the references of aligned instructions. */
static struct graft_error *
ask_func(const struct graft_diff *diff, uint32_t n, bool *ret)
{
	GRAFT_FREE struct graft_insn_pair *pairs = NULL;
	size_t count = 0;
	struct graft_error *err = graft_diff_align(
		diff, diff->new_match[n].other, n, &pairs, &count);

	for (size_t i = 0; !err && i < count; i++) {
		uint32_t o;
		uint32_t r;
		if (graft_insn_pair_refs(diff, &pairs[i], &o, &r))
			confirm(diff, n, diff->old_code->refs[o].target,
				diff->new_code->refs[r].target, ret);
	}
	return err;
}

static bool
takes_code(const struct graft_diff *diff, uint32_t n)
{
	const struct graft_func *f = &diff->new_code->funcs[n];

	for (uint32_t i = 0; i < f->ref_count; i++) {
		const struct graft_ref *ref =
			&diff->new_code->refs[f->first_ref + i];
		if (ref->kind == GRAFT_REF_ADDRESS &&
		    func_from(diff->new_code, ref->target) != GRAFT_NONE)
			return true;
	}
	return false;
}

struct graft_error *
graft_witness_find(const struct graft_diff *diff, bool *ret)
{
	struct graft_error *err = NULL;

	ask_slots(diff, ret);
	for (uint32_t n = 0; !err && n < diff->new_code->func_count; n++) {
		// What order alone matched is no witness itself.
		if (diff->new_match[n].other != GRAFT_NONE &&
		    diff->new_match[n].evidence > GRAFT_EVIDENCE_ORDER &&
		    takes_code(diff, n))
			err = ask_func(diff, n, ret);
	}
	return err;
}
