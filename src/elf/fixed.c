// SPDX-License-Identifier: Apache-2.0

// Programs at a fixed address: the linker wrote addresses into them as numbers, and
// nothing that is loaded says where. The static relocations do, where the linker
// was told to keep them (--emit-relocs).

#include "elf/image.h"

#include "base/vec.h"
#include "elf/model.h"

#include <string.h>

enum {
	/** What begins `.got.plt` belongs to the loader. */
	LOADER_SLOTS = 3,
};

/** A sentence fragment that stays as long as the image. */
struct fault {
	const char *text;
};

static uint64_t
load_le64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

bool
graft_image_is_place(const struct graft_image *image, uint64_t addr)
{
	// The end of a section is a place too: `p < array + 16`.
	return graft_image_section_at(image, addr) ||
	       (addr && graft_image_section_at(image, addr - 1));
}

bool
graft_reloc_is_number(const struct graft_reloc *reloc)
{
	const struct graft_symbol *symbol = reloc->symbol;

	// A weak symbol that nobody defines is 0.
	return !symbol || symbol->absolute || symbol->type == STT_TLS ||
	       (!symbol->defined && symbol->bind == STB_WEAK);
}

/** Does a slot of 8 bytes have a dynamic relocation? Asked before any is added. */
static bool
is_relocated(const struct graft_image *image, uint64_t addr)
{
	return graft_image_reloc_at(image, addr) != NULL;
}

/** An array of relocations that grows. */
struct added {
	struct graft_reloc *items;
	size_t count;
	size_t cap;
};

static struct graft_error *
add(struct added *added, uint64_t addr, uint64_t target)
{
	struct graft_error *err = graft_vec_reserve(&added->items, &added->cap,
						    added->count + 1,
						    sizeof(*added->items));

	if (!err)
		added->items[added->count++] =
			(struct graft_reloc){ .addr = addr,
					      .type = R_X86_64_RELATIVE,
					      .addend = (int64_t)target };
	return err;
}

/** Look at a relocation in data: an address in it is a pointer. */
static struct graft_error *
take_datum(const struct graft_image *image, const struct graft_reloc *reloc,
	   struct added *added, struct fault *fault)
{
	const uint8_t *bytes;

	switch (reloc->type) {
	case R_X86_64_64:
		break;
	case R_X86_64_8:
	case R_X86_64_16:
	case R_X86_64_32:
	case R_X86_64_32S:
		if (!graft_reloc_is_number(reloc))
			fault->text = "its data hold an address in less than "
				      "64 bits";
		return NULL;
	default:
		return NULL;
	}
	if (is_relocated(image, reloc->addr))
		return NULL;
	bytes = graft_image_bytes(image, reloc->addr, 8);
	uint64_t value = bytes ? load_le64(bytes) : 0;
	if (!bytes || reloc->addr % 8)
		fault->text = "a relocation is in no slot";
	else if (graft_image_is_place(image, value) && reloc->symbol &&
		 !reloc->symbol->absolute)
		return add(added, reloc->addr, value);
	else if (!graft_reloc_is_number(reloc))
		fault->text = "a relocation leads to nothing";
	return NULL;
}

/** May a relocation of code put an address there? Which do says the operand. */
static bool
is_narrow(uint32_t type)
{
	return type == R_X86_64_8 || type == R_X86_64_16;
}

/** Fields that overlap say two things of one place. */
static bool
overlaps(const struct graft_reloc *a, const struct graft_reloc *b)
{
	uint64_t len = a->type == R_X86_64_64 ? 8 : 4;
	bool one = a->type == R_X86_64_64 || a->type == R_X86_64_32 ||
		   a->type == R_X86_64_32S;
	bool other = b->type == R_X86_64_64 || b->type == R_X86_64_32 ||
		     b->type == R_X86_64_32S;

	return one && other && b->addr - a->addr < len;
}

static struct graft_error *
take_kept(const struct graft_image *image, struct added *added,
	  struct fault *fault)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < image->static_reloc_count; i++) {
		const struct graft_reloc *reloc = &image->static_relocs[i];
		const struct graft_section *section =
			graft_image_section_at(image, reloc->addr);
		if (i && overlaps(reloc - 1, reloc))
			fault->text = "two relocations are at one place";
		if (!section || graft_section_is_unwinding(section))
			continue;
		if (!(section->flags & SHF_EXECINSTR))
			err = take_datum(image, reloc, added, fault);
		else if (is_narrow(reloc->type) &&
			 !graft_reloc_is_number(reloc))
			fault->text = "its code holds an address in less than "
				      "32 bits";
	}
	return err;
}

/** Was a word taken for a pointer already, as its relocation was kept? */
static bool
is_taken(const struct graft_image *image, uint64_t addr)
{
	const struct graft_reloc *reloc =
		graft_image_static_reloc_from(image, addr, addr + 1);

	for (;
	     reloc && reloc < image->static_relocs + image->static_reloc_count;
	     reloc++) {
		if (reloc->addr != addr)
			break;
		if (reloc->type == R_X86_64_64)
			return true;
	}
	return false;
}

/**
 * The linker fills slots of its own, of which it keeps no relocation. What others put
 * beside them has its relocation, and was taken with the data.
 */
static struct graft_error *
take_slots(const struct graft_image *image, struct added *added)
{
	for (size_t i = 0; i < image->section_count; i++) {
		const struct graft_section *s = &image->sections[i];
		uint64_t off = 0;
		if (strncmp(s->name, ".got", 4) != 0 || !s->bytes)
			continue;
		if (strcmp(s->name, ".got.plt") == 0)
			off = 8 * (uint64_t)LOADER_SLOTS;
		for (; off + 8 <= s->size; off += 8) {
			uint64_t value = load_le64(s->bytes + off);
			const struct graft_section *to =
				graft_image_section_at(image, value);
			if (!to || to->type == SHT_DYNAMIC ||
			    is_relocated(image, s->addr + off) ||
			    is_taken(image, s->addr + off))
				continue;
			struct graft_error *err = add(added, s->addr + off,
						      value);
			if (err)
				return err;
		}
	}
	return NULL;
}

static int
by_addr(const void *x, const void *y)
{
	const struct graft_reloc *a = x;
	const struct graft_reloc *b = y;

	return (a->addr > b->addr) - (a->addr < b->addr);
}

/** Put what was found among the dynamic relocations. */
static struct graft_error *
merge(struct graft_image *image, const struct added *added)
{
	size_t count = image->reloc_count + added->count;
	struct graft_reloc *all;

	if (added->count == 0)
		return NULL;
	all = realloc(image->relocs, count * sizeof(*all));
	if (!all)
		return graft_error_no_memory();
	memcpy(all + image->reloc_count, added->items,
	       added->count * sizeof(*all));
	qsort(all, count, sizeof(*all), by_addr);
	image->relocs = all;
	image->reloc_count = count;
	return NULL;
}

struct graft_error *
graft_fixed_read(struct graft_image *image)
{
	struct added added = { 0 };
	struct fault fault = { 0 };

	if (image->type != ET_EXEC)
		return NULL;
	if (image->static_reloc_count == 0) {
		image->fixed_fault = "its relocations were not kept";
		return NULL;
	}
	for (size_t i = 0; i < image->section_count; i++) {
		if (graft_fixed_lacks(image, &image->sections[i]))
			fault.text = "some of its relocations were dropped";
	}
	struct graft_error *err = take_kept(image, &added, &fault);
	if (!err && !fault.text)
		err = take_slots(image, &added);
	if (!err && !fault.text)
		err = merge(image, &added);
	image->fixed_fault = fault.text;
	free(added.items);
	return err;
}

bool
graft_image_is_fixed(const struct graft_image *image)
{
	return image->type == ET_EXEC;
}

const char *
graft_image_fixed_fault(const struct graft_image *image)
{
	return image->fixed_fault;
}

const struct graft_reloc *
graft_image_static_reloc_from(const struct graft_image *image, uint64_t addr,
			      uint64_t end)
{
	size_t low = 0;
	size_t high = image->static_reloc_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (image->static_relocs[mid].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < image->static_reloc_count &&
			       image->static_relocs[low].addr < end
		       ? &image->static_relocs[low]
		       : NULL;
}
