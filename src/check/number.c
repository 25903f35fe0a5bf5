// SPDX-License-Identifier: Apache-2.0

// Numbers at a fixed address that would be addresses, and that no relocation calls
// one: of what a hotpatch brings none is taken for a number, and of what stays only
// one at which nothing is.

#include "check/walk.h"

#include "base/sorted.h"

enum {
	/** Flags and sizes are round. */
	ROUND = 4096,
	/** Fields of an instruction: a displacement and two constants. */
	FIELDS_MAX = 3,
};

/** Does an address lie in one of the builds? */
static bool
is_inside(const struct graft_walk *walk, uint64_t value)
{
	return graft_image_section_at(walk->old_world.image, value) ||
	       graft_image_section_at(walk->new_world.image, value);
}

/** Is code or data of OLD what a hotpatch brings? */
static bool
is_carried(const struct graft_walk *walk, uint64_t old_addr)
{
	return walk->old_world.shadow_image &&
	       old_addr >= walk->old_world.shadow;
}

/**
 * Would a number of code that stays be an address for sure? Between data nearly all
 * are, but those that are round; in code, which is large, only those of functions.
 */
static bool
is_likely(const struct graft_world *world, uint64_t value)
{
	const struct graft_image *image = world->image;
	size_t count;

	enum graft_world_area area = graft_world_area_at(world, value);
	if (area == GRAFT_WORLD_NONE)
		return false;
	if (area != GRAFT_WORLD_CODE)
		return value % ROUND != 0 ||
		       graft_sorted_next(world->starts.addrs,
					 world->starts.count,
					 value - 1) == value;
	const struct graft_symbol *symbol = graft_image_symbol_at(image, value);
	size_t i = graft_world_extent_index(image, value);
	return (symbol && symbol->type == STT_FUNC && symbol->addr == value) ||
	       (i != SIZE_MAX &&
		graft_image_extents(image, &count)[i].addr == value);
}

/** Is a field known to hold an address? */
static bool
is_known(const struct graft_insn_view *insn, uint8_t off)
{
	for (uint8_t i = 0; i < insn->absolute_count; i++) {
		if (insn->absolutes[i].off == off)
			return true;
	}
	return insn->has_memory && insn->memory_off == off;
}

/** A field that nothing explains. */
struct field {
	uint64_t value;
	/** Code that stays can have an address there. */
	bool fits;
};

static struct field
read_field(const struct graft_insn_view *insn, uint8_t off, uint8_t bits,
	   bool fits)
{
	struct field field = { .fits = fits };

	for (uint8_t i = 0; i < bits / 8; i++)
		field.value |= (uint64_t)insn->bytes[off + i] << (8 * i);
	return field;
}

/** Can a constant be an address? A mask cannot, nor what is of 32 bits and goes into
 * no register. */
static bool
fits_constant(const struct graft_insn_view *insn)
{
	bool wide = insn->raw.operand_width == 64;

	switch (insn->raw.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		return wide ||
		       insn->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER;
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_CMP:
	case ZYDIS_MNEMONIC_PUSH:
		return wide;
	default:
		return false;
	}
}

/** Collect the fields that nothing explains; there is room for all. */
static unsigned
collect(const struct graft_insn_view *insn, struct field *ret)
{
	const ZydisDecodedInstruction *raw = &insn->raw;
	bool segment = raw->attributes & (ZYDIS_ATTRIB_HAS_SEGMENT_FS |
					  ZYDIS_ATTRIB_HAS_SEGMENT_GS);
	unsigned count = 0;

	if (raw->raw.disp.size >= 32 && !segment &&
	    !is_known(insn, raw->raw.disp.offset))
		ret[count++] = read_field(insn, raw->raw.disp.offset,
					  raw->raw.disp.size, true);
	for (unsigned i = 0; i < 2; i++) {
		if (raw->raw.imm[i].size >= 32 &&
		    !raw->raw.imm[i].is_relative &&
		    !is_known(insn, raw->raw.imm[i].offset))
			ret[count++] = read_field(insn, raw->raw.imm[i].offset,
						  raw->raw.imm[i].size,
						  fits_constant(insn));
	}
	return count;
}

/** Can a number of code be meant as one? Of what is carried none is taken for one. */
static bool
may_be_number(const struct graft_walk *walk, uint64_t old_insn,
	      const struct field *field)
{
	if (!is_inside(walk, field->value))
		return true;
	return !is_carried(walk, old_insn) &&
	       (!field->fits || (!is_likely(&walk->old_world, field->value) &&
				 !is_likely(&walk->new_world, field->value)));
}

struct graft_error *
graft_number_check_insn(struct graft_walk *walk,
			const struct graft_walk_site *site,
			const struct graft_insn_view *new_insn)
{
	struct field fields[FIELDS_MAX];

	if (!graft_image_is_fixed(walk->new_world.image))
		return NULL;
	unsigned count = collect(new_insn, fields);
	for (unsigned i = 0; i < count; i++) {
		if (may_be_number(walk, site->old_insn, &fields[i]))
			continue;
		return graft_walk_differ(walk, site, site->old_insn,
					 new_insn->addr,
					 "the number 0x%llx would be an "
					 "address, and no relocation says "
					 "whether it is one",
					 (unsigned long long)fields[i].value);
	}
	return NULL;
}

struct graft_error *
graft_number_check_words(struct graft_walk *walk,
			 const struct graft_walk_site *site, uint64_t old_addr,
			 uint64_t new_addr, uint64_t len)
{
	const struct graft_world *world = &walk->new_world;
	const struct graft_world_range *range = graft_world_range_at(world,
								     new_addr);

	if (!graft_image_is_fixed(world->image) ||
	    !is_carried(walk, old_addr) || !range || !range->bytes)
		return NULL;
	for (uint64_t at = (new_addr + 7) & ~UINT64_C(7);
	     at + 8 <= new_addr + len; at += 8) {
		uint64_t value = 0;
		for (unsigned k = 0; k < 8; k++)
			value |= (uint64_t)range->bytes[at - range->addr + k]
				 << (8 * k);
		if (is_inside(walk, value))
			return graft_walk_differ(
				walk, site, old_addr + (at - new_addr), at,
				"the word 0x%llx would be an address, and no "
				"relocation says whether it is one",
				(unsigned long long)value);
	}
	return NULL;
}
