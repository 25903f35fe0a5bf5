// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * PLT stubs: code of the linker that jumps through a slot of the GOT.
 *
 *     f3 0f 1e fa             endbr64, where the file is made for CET
 *     41 bb imm32             mov $index, %r11d (mold)
 *     f2                      bnd, of the years of MPX
 *     ff 25 disp32            jmp *slot(%rip)
 *     ...                     padding, or `push $index; jmp PLT0`
 *
 *     4c 8b 1d disp32         mov slot(%rip), %r11 (lld -z retpolineplt)
 *
 * A stub counts only if the slot has a relocation: so neither PLT0 (which
 * jumps through the loader's slot) nor a lucky operand is taken for one.
 */

#include "elf/image.h"

#include "base/vec.h"
#include "elf/model.h"

#include <string.h>

enum {
	/** All linkers align stubs to this. */
	STUB_ALIGN = 8,
	/** Stubs of every linker, but those below. */
	STUB_SIZE = 16,
	/** lld -z retpolineplt. */
	RETPOLINE_SIZE = 32,
};

static bool
skip(const uint8_t **at, const uint8_t *end, const char *bytes, size_t len)
{
	if ((size_t)(end - *at) < len || memcmp(*at, bytes, len))
		return false;
	*at += len;
	return true;
}

/** Decode the stub at @p at; its @ref graft_plt::size is the largest it has. */
static bool
decode_stub(const struct graft_image *image, uint64_t addr, const uint8_t *at,
	    const uint8_t *end, struct graft_plt *ret)
{
	const uint8_t *start = at;
	uint64_t size = STUB_SIZE;
	(void)skip(&at, end, "\xf3\x0f\x1e\xfa", 4);
	if (skip(&at, end, "\x4c\x8b\x1d", 3)) {
		size = RETPOLINE_SIZE;
	} else {
		if (skip(&at, end, "\x41\xbb", 2)) {
			if (end - at < 4)
				return false;
			at += 4;
		}
		(void)skip(&at, end, "\xf2", 1);
		if (!skip(&at, end, "\xff\x25", 2))
			return false;
	}
	if (end - at < 4)
		return false;
	uint32_t disp = (uint32_t)at[0] | (uint32_t)at[1] << 8 |
			(uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
	at += 4;
	uint64_t slot = addr + (uint64_t)(at - start) +
			(uint64_t)(int64_t)(int32_t)disp;
	const struct graft_reloc *reloc = graft_image_reloc_at(image, slot);
	if (!reloc)
		return false;
	*ret = (struct graft_plt){
		.addr = addr, .size = size, .slot = slot, .reloc = reloc
	};
	return true;
}

static bool
is_plt(const struct graft_section *section)
{
	return section->bytes && (section->flags & SHF_EXECINSTR) &&
	       (!strncmp(section->name, ".plt", 4) ||
		!strncmp(section->name, ".iplt", 5));
}

static struct graft_error *
read_section(struct graft_image *image, const struct graft_section *section,
	     size_t *room_io)
{
	const uint8_t *end = section->bytes + section->size;
	size_t first = image->plt_count;
	for (uint64_t off = 0; off < section->size; off += STUB_ALIGN) {
		struct graft_plt plt;
		uint64_t addr = section->addr + off;
		if (!decode_stub(image, addr, section->bytes + off, end, &plt))
			continue;
		struct graft_error *err = graft_vec_reserve(
			&image->plts, room_io, image->plt_count + 1,
			sizeof(*image->plts));
		if (err)
			return err;
		image->plts[image->plt_count++] = plt;
	}

	// A stub ends where the next one starts (.plt.got has stubs of 8).
	for (size_t i = first; i < image->plt_count; i++) {
		struct graft_plt *plt = &image->plts[i];
		uint64_t limit = i + 1 < image->plt_count
					 ? image->plts[i + 1].addr
					 : section->addr + section->size;
		if (plt->size > limit - plt->addr)
			plt->size = limit - plt->addr;
	}
	return NULL;
}

struct graft_error *
graft_plts_read(struct graft_image *image)
{
	size_t room = 0;
	// Sections ascend, and so do the stubs.
	for (size_t i = 0; i < image->solid_count; i++) {
		if (!is_plt(image->solid[i]))
			continue;
		struct graft_error *err = read_section(image, image->solid[i],
						       &room);
		if (err)
			return err;
	}
	return NULL;
}

const struct graft_plt *
graft_image_plts(const struct graft_image *image, size_t *count_ret)
{
	*count_ret = image->plt_count;
	return image->plts;
}

const struct graft_plt *
graft_image_plt_at(const struct graft_image *image, uint64_t addr)
{
	size_t low = 0, high = image->plt_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (image->plts[mid].addr == addr)
			return &image->plts[mid];
		if (image->plts[mid].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}
