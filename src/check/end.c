// SPDX-License-Identifier: Apache-2.0

// Ends: addresses one past an object, which loops compare with and never follow.

#include "check/walk.h"

#include "base/cleanup.h"

#include <stdlib.h>

enum {
	/** Instructions that are looked at behind the one that takes it. */
	LOOK_MAX = 256,
};

/** What an instruction does with a register. */
enum use {
	USE_NONE,
	USE_COMPARED,
	/** It is the base or index of an address. */
	USE_FOLLOWED,
	USE_GONE,
	USE_OTHER,
};

static ZydisRegister
whole(ZydisRegister reg)
{
	return ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
						reg);
}

/** May a called function change it? Those of arguments are used by it too. */
static enum use
use_of_call(ZydisRegister reg)
{
	switch (reg) {
	case ZYDIS_REGISTER_RBX:
	case ZYDIS_REGISTER_RBP:
	case ZYDIS_REGISTER_R12:
	case ZYDIS_REGISTER_R13:
	case ZYDIS_REGISTER_R14:
	case ZYDIS_REGISTER_R15:
		return USE_NONE;
	case ZYDIS_REGISTER_RAX:
	case ZYDIS_REGISTER_R10:
	case ZYDIS_REGISTER_R11:
		return USE_GONE;
	default:
		return USE_OTHER;
	}
}

static enum use
use_of(const struct graft_insn_view *insn, ZydisRegister reg)
{
	enum use use = USE_NONE;

	if (insn->flow == GRAFT_INSN_CALL)
		return use_of_call(reg);
	if (insn->raw.meta.category == ZYDIS_CATEGORY_RET)
		return reg == ZYDIS_REGISTER_RAX ? USE_OTHER : USE_GONE;
	if (insn->flow == GRAFT_INSN_END)
		return USE_GONE;
	for (unsigned i = 0; i < insn->raw.operand_count; i++) {
		const ZydisDecodedOperand *op = &insn->operands[i];
		if (op->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    (whole(op->mem.base) == reg || whole(op->mem.index) == reg))
			return op->mem.type == ZYDIS_MEMOP_TYPE_MEM
				       ? USE_FOLLOWED
				       : USE_OTHER;
		if (op->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    whole(op->reg.value) != reg)
			continue;
		if (op->actions & ZYDIS_OPERAND_ACTION_MASK_READ) {
			if (insn->raw.mnemonic != ZYDIS_MNEMONIC_CMP)
				return USE_OTHER;
			use = USE_COMPARED;
		} else {
			use = USE_GONE;
		}
	}
	return use;
}

/** What becomes of the address that the instruction at a site takes. */
static enum use
follow(const struct graft_walk *walk, const struct graft_walk_site *site)
{
	const struct graft_world *world = &walk->new_world;
	struct graft_insn_view insn;
	enum use found = USE_NONE;
	uint64_t end;

	if (!site->new_insn ||
	    !graft_insn_decode(world, &walk->decoder, site->new_insn, &insn))
		return USE_OTHER;
	// At a fixed address it is a number: compared with, or moved.
	bool alone = insn.absolute_count == 1 && insn.absolutes[0].alone;
	if (insn.absolute_count && insn.raw.mnemonic == ZYDIS_MNEMONIC_CMP)
		return USE_COMPARED;
	if ((!alone && insn.raw.mnemonic != ZYDIS_MNEMONIC_LEA) ||
	    insn.operands[0].type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    !graft_world_extent_at(world, site->new_insn, &end))
		return USE_OTHER;
	ZydisRegister reg = whole(insn.operands[0].reg.value);
	for (unsigned i = 0; i < LOOK_MAX && insn.next < end; i++) {
		if (!graft_insn_decode(world, &walk->decoder, insn.next, &insn))
			return USE_OTHER;
		enum use use = use_of(&insn, reg);
		if (use == USE_OTHER || use == USE_FOLLOWED)
			return use;
		if (use == USE_GONE)
			return found;
		if (use == USE_COMPARED)
			found = use;
	}
	return found;
}

bool
graft_end_is_likely(const struct graft_walk *walk,
		    const struct graft_walk_site *site)
{
	return follow(walk, site) == USE_COMPARED;
}

bool
graft_end_is_followed(const struct graft_walk *walk,
		      const struct graft_walk_site *site)
{
	return follow(walk, site) == USE_FOLLOWED;
}

struct graft_error *
graft_end_add(struct graft_walk *walk, const struct graft_walk_site *site,
	      uint64_t old_addr, uint64_t new_addr)
{
	return graft_walk_list_add(
		&walk->ends,
		(struct graft_walk_ref){ old_addr, new_addr, 0, *site, true });
}

/** A constant or object that was found to be one pair. */
struct span {
	/** How far OLD's is from NEW's. */
	uint64_t distance;
	/** Addresses of NEW: where it begins, and how far it may reach; once
	 * sorted, how far it or one before it at the same distance may. */
	uint64_t from;
	uint64_t reach;
};

static int
compare_spans(const void *x, const void *y)
{
	const struct span *a = x;
	const struct span *b = y;

	if (a->distance != b->distance)
		return a->distance < b->distance ? -1 : 1;
	return (a->from > b->from) - (a->from < b->from);
}

static void
add_span(const struct graft_walk_ref *ref, uint64_t reach, struct span *spans,
	 size_t *count)
{
	if (!ref->end)
		spans[(*count)++] = (struct span){
			ref->old_addr - ref->new_addr, ref->new_addr, reach
		};
}

/** List the pairs that an end can be that of; there is room for all. */
static size_t
list_spans(const struct graft_walk *walk, struct span *spans)
{
	size_t count = 0;

	for (size_t i = 0; i < walk->constants.count; i++) {
		const struct graft_walk_ref *ref = &walk->constants.refs[i];
		add_span(ref, ref->new_addr + ref->len, spans, &count);
	}
	// The last object of a section ends where the next section is.
	for (size_t i = 0; i < walk->objects.count; i++) {
		const struct graft_walk_ref *ref = &walk->objects.refs[i];
		add_span(
			ref,
			graft_world_next_start(&walk->new_world, ref->new_addr),
			spans, &count);
	}
	if (count)
		qsort(spans, count, sizeof(*spans), compare_spans);
	for (size_t i = 1; i < count; i++) {
		if (spans[i].distance == spans[i - 1].distance &&
		    spans[i].reach < spans[i - 1].reach)
			spans[i].reach = spans[i - 1].reach;
	}
	return count;
}

/** Is an end that of one of the pairs? */
static bool
is_explained(const struct span *spans, size_t count,
	     const struct graft_walk_ref *end)
{
	const struct span key = { .distance = end->old_addr - end->new_addr,
				  .from = end->new_addr };
	size_t low = 0;
	size_t high = count;

	// The last that begins before the end.
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (compare_spans(&spans[mid], &key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low && spans[low - 1].distance == key.distance &&
	       spans[low - 1].reach >= end->new_addr;
}

struct graft_error *
graft_end_check_all(struct graft_walk *walk)
{
	if (!walk->ends.count)
		return NULL;
	GRAFT_FREE struct span *spans =
		calloc(walk->constants.count + walk->objects.count + 1,
		       sizeof(*spans));
	if (!spans)
		return graft_error_no_memory();
	size_t count = list_spans(walk, spans);
	for (size_t i = 0; i < walk->ends.count; i++) {
		const struct graft_walk_ref *end = &walk->ends.refs[i];
		if (!is_explained(spans, count, end))
			return graft_walk_differ(walk, &end->site,
						 end->old_addr, end->new_addr,
						 "the address is compared, and "
						 "ends nothing that is known");
		walk->result->ends++;
	}
	return NULL;
}
