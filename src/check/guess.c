// SPDX-License-Identifier: Apache-2.0

// Code or a table? Assemblers put tables and texts between functions, and nothing
// says so. Where it is not sure that something is a table, it is walked as code.

#include "check/walk.h"

enum {
	/** Instructions and branches that are looked at. */
	LOOK_MAX = 2048,
	WAYS_MAX = 64,
	/** Printable bytes with a NUL behind them that are no code. */
	TEXT_SURE = 8,
};

/** Ways that are still to be looked at. */
struct ways {
	uint64_t addrs[WAYS_MAX];
	size_t count;
	size_t done;
};

/** Are the bytes at an address of NEW printable, up to a NUL? */
static bool
is_text(const struct graft_walk *walk, uint64_t n)
{
	const struct graft_world_range *range =
		graft_world_range_at(&walk->new_world, n);
	uint64_t len = 0;

	if (!range || !range->bytes)
		return false;
	const uint8_t *text = range->bytes + (n - range->addr);
	uint64_t left = range->size - (n - range->addr);
	while (len < left && text[len] >= ' ' && text[len] < 0x7f)
		len++;
	return len >= TEXT_SURE && len < left && text[len] == 0;
}

static void
add_way(struct ways *ways, uint64_t addr)
{
	for (size_t i = 0; i < ways->count; i++) {
		if (ways->addrs[i] == addr)
			return;
	}
	if (ways->count < WAYS_MAX)
		ways->addrs[ways->count++] = addr;
}

/** Can an instruction be one of a program? */
static bool
is_plausible(const struct graft_walk *walk, const struct graft_insn_view *insn)
{
	const struct graft_world *world = &walk->new_world;

	if (insn->raw.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED)
		return false;
	if (insn->target &&
	    graft_world_area_at(world, insn->target) != GRAFT_WORLD_CODE)
		return false;
	return !insn->has_memory || !insn->memory_len ||
	       graft_world_area_at(world, insn->memory) != GRAFT_WORLD_NONE;
}

/** Can the bytes at an address of NEW be code, along every way from there? */
static bool
may_be_code(const struct graft_walk *walk, uint64_t n)
{
	struct ways ways = { { n }, 1, 0 };
	unsigned looked = 0;

	if (is_text(walk, n))
		return false;
	while (ways.done < ways.count && looked < LOOK_MAX) {
		struct graft_insn_view insn = { .next = ways.addrs[ways.done] };
		for (ways.done++; looked < LOOK_MAX; looked++) {
			if (!graft_insn_decode(&walk->new_world, &walk->decoder,
					       insn.next, &insn) ||
			    !is_plausible(walk, &insn))
				return false;
			if (insn.flow == GRAFT_INSN_BRANCH ||
			    insn.flow == GRAFT_INSN_JUMP)
				add_way(&ways, insn.target);
			if (insn.flow == GRAFT_INSN_JUMP ||
			    insn.flow == GRAFT_INSN_END)
				break;
		}
	}
	return true;
}

bool
graft_guess_is_table(const struct graft_walk *walk,
		     const struct graft_walk_site *site, uint64_t n)
{
	const struct graft_image *image = walk->new_world.image;
	const struct graft_symbol *symbol = graft_image_symbol_at(image, n);
	uint64_t end;

	if (!site->new_insn ||
	    (symbol && symbol->type == STT_FUNC && symbol->addr == n))
		return false;
	const struct graft_extent *extent =
		graft_world_extent_at(&walk->new_world, n, &end);
	return (!extent || extent->addr != n) &&
	       (!may_be_code(walk, n) || graft_end_is_followed(walk, site));
}
