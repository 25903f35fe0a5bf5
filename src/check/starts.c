// SPDX-License-Identifier: Apache-2.0

// Where things start: whatever an instruction, a pointer or a symbol names. A
// constant without a symbol is taken to reach to the next start.

#include "check/world.h"

#include "base/sorted.h"
#include "base/vec.h"

#include <Zydis/Zydis.h>

static struct graft_error *
add_start(struct graft_starts *starts, uint64_t addr)
{
	struct graft_error *err =
		graft_vec_reserve(&starts->addrs, &starts->cap,
				  starts->count + 1, sizeof(*starts->addrs));

	if (!err)
		starts->addrs[starts->count++] = addr;
	return err;
}

/** Does an instruction have an operand relative to the next one? */
static bool
names_memory(const ZydisDecodedInstruction *insn)
{
	return (insn->attributes & ZYDIS_ATTRIB_HAS_MODRM) &&
	       insn->raw.modrm.mod == 0 && insn->raw.modrm.rm == 5 &&
	       insn->raw.disp.size == 32;
}

/** Collect what the instructions of one extent name. */
static struct graft_error *
sweep(struct graft_world *world, const ZydisDecoder *decoder,
      const struct graft_extent *extent)
{
	const uint8_t *bytes = graft_image_bytes(world->image, extent->addr,
						 extent->size);
	ZydisDecodedInstruction insn;
	struct graft_error *err = NULL;

	if (!bytes)
		return NULL;
	for (uint64_t off = 0; !err && off < extent->size;) {
		if (ZYAN_FAILED(ZydisDecoderDecodeInstruction(
			    decoder, NULL, bytes + off, extent->size - off,
			    &insn))) {
			off++;
			continue;
		}
		off += insn.length;
		if (!names_memory(&insn))
			continue;
		uint64_t target = extent->addr + off +
				  (uint64_t)insn.raw.disp.value;
		err = add_start(&world->starts, target);
	}
	return err;
}

/** Collect the addresses that stand as numbers in code at a fixed address. */
static struct graft_error *
add_absolutes(struct graft_world *world)
{
	struct graft_error *err = NULL;
	size_t count;
	const struct graft_reloc *relocs =
		graft_image_static_relocs(world->image, &count);

	if (!graft_image_is_fixed(world->image))
		return NULL;
	for (size_t i = 0; !err && i < count; i++) {
		uint64_t addr = 0;
		const uint8_t *at = graft_image_bytes(world->image,
						      relocs[i].addr, 4);
		if ((relocs[i].type != R_X86_64_32 &&
		     relocs[i].type != R_X86_64_32S) ||
		    !at || graft_reloc_is_number(&relocs[i]) ||
		    graft_world_area_at(world, relocs[i].addr) !=
			    GRAFT_WORLD_CODE)
			continue;
		for (size_t k = 0; k < 4; k++)
			addr |= (uint64_t)at[k] << (8 * k);
		err = add_start(&world->starts, addr);
	}
	return err;
}

static int
by_addr(const void *x, const void *y)
{
	const uint64_t *a = x;
	const uint64_t *b = y;

	return (*a > *b) - (*a < *b);
}

/** Sort the starts, and drop those that are there twice. */
static void
settle(struct graft_starts *starts)
{
	size_t kept = 0;

	if (!starts->count)
		return;
	qsort(starts->addrs, starts->count, sizeof(*starts->addrs), by_addr);
	for (size_t i = 0; i < starts->count; i++) {
		if (!kept || starts->addrs[kept - 1] != starts->addrs[i])
			starts->addrs[kept++] = starts->addrs[i];
	}
	starts->count = kept;
}

/** Texts that a table of distances leads to start there, and nothing else says so. */
static struct graft_error *
add_texts(struct graft_world *world)
{
	struct graft_starts texts_of = { 0 };
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < world->starts.count; i++) {
		uint64_t table = world->starts.addrs[i];
		if (table % 4 ||
		    graft_world_area_at(world, table) != GRAFT_WORLD_CONSTANT)
			continue;
		uint64_t texts = graft_distance_count_texts(world, table);
		for (uint64_t k = 0; !err && k < texts; k++)
			err = add_start(
				&texts_of,
				graft_distance_target(world, table, k * 4,
						      GRAFT_WORLD_CONSTANT));
	}
	for (size_t i = 0; !err && i < texts_of.count; i++)
		err = add_start(&world->starts, texts_of.addrs[i]);
	free(texts_of.addrs);
	return err;
}

struct graft_error *
graft_world_find_starts(struct graft_world *world)
{
	struct graft_error *err = NULL;
	ZydisDecoder decoder;
	size_t count;

	if (ZYAN_FAILED(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64,
					 ZYDIS_STACK_WIDTH_64)))
		return graft_error_new(GRAFT_ERROR_LIBRARY, "Zydis");
	const struct graft_extent *extents = graft_image_extents(world->image,
								 &count);
	for (size_t i = 0; !err && i < count; i++)
		err = sweep(world, &decoder, &extents[i]);
	if (!err)
		err = add_absolutes(world);
	for (size_t i = 0; !err && i < world->slot_count; i++) {
		const struct graft_world_slot *slot = &world->slots[i];
		if (slot->value.kind == GRAFT_VALUE_ADDRESS ||
		    (slot->value.kind == GRAFT_VALUE_SYMBOL &&
		     slot->value.defined))
			err = add_start(&world->starts,
					slot->value.addr +
						(uint64_t)slot->value.addend);
	}
	const struct graft_symbol *symbols = graft_image_symbols(world->image,
								 &count);
	for (size_t i = 0; !err && i < count; i++) {
		if (symbols[i].defined && !symbols[i].absolute &&
		    symbols[i].type != STT_TLS &&
		    symbols[i].type != STT_SECTION)
			err = add_start(&world->starts, symbols[i].addr);
	}
	if (err)
		return err;
	settle(&world->starts);
	err = add_texts(world);
	settle(&world->starts);
	return err;
}

uint64_t
graft_world_next_start(const struct graft_world *world, uint64_t addr)
{
	const struct graft_world_range *range = graft_world_range_at(world,
								     addr);
	if (!range)
		return addr;
	bool shadow = world->shadow_image && addr >= world->shadow;
	uint64_t base = shadow ? world->shadow : 0;
	uint64_t end = range->addr + range->size;
	const struct graft_starts *starts = shadow ? world->shadow_starts
						   : &world->starts;
	uint64_t next = graft_sorted_next(starts->addrs, starts->count,
					  addr - base);
	return next < end - base ? next + base : end;
}
