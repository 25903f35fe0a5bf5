// SPDX-License-Identifier: Apache-2.0

#include "elf/image.h"

#include "elf/limits.h"
#include "elf/model.h"

#include <string.h>

/** `.tbss` takes no addresses: those that it names belong to what follows. */
static bool
is_tbss(const struct graft_section *section)
{
	return section->type == SHT_NOBITS && (section->flags & SHF_TLS);
}

static bool
is_inside(uint64_t addr, uint64_t size, uint64_t outer, uint64_t outer_size)
{
	return addr >= outer && addr - outer <= outer_size &&
	       size <= outer_size - (addr - outer);
}

/** Check that the loader puts the section where its header says. */
static bool
is_loaded(const struct graft_image *image, const GElf_Shdr *header)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct graft_segment *seg = &image->segments[i];
		if (seg->type != PT_LOAD)
			continue;
		if (header->sh_type == SHT_NOBITS) {
			if (is_inside(header->sh_addr, header->sh_size,
				      seg->addr, seg->mem_size))
				return true;
			continue;
		}
		if (is_inside(header->sh_addr, header->sh_size, seg->addr,
			      seg->file_size) &&
		    header->sh_addr - seg->addr == header->sh_offset - seg->off)
			return true;
	}
	return false;
}

static bool
is_relro(const struct graft_image *image, const GElf_Shdr *header)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct graft_segment *seg = &image->segments[i];
		if (seg->type == PT_GNU_RELRO &&
		    is_inside(header->sh_addr, header->sh_size, seg->addr,
			      seg->mem_size))
			return true;
	}
	return false;
}

static struct graft_error *
check_section(const struct graft_image *image, const GElf_Shdr *header)
{
	if (header->sh_addralign > GRAFT_LIMIT_ALIGN ||
	    (header->sh_addralign & (header->sh_addralign - 1)))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "alignment of %ju",
				       (uintmax_t)header->sh_addralign);
	if (header->sh_addralign > 1 && header->sh_addr % header->sh_addralign)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "address and alignment do not agree");
	if (header->sh_addr > GRAFT_LIMIT_ADDR ||
	    header->sh_size > GRAFT_LIMIT_ADDR - header->sh_addr)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "an address outside of user space");
	if (header->sh_type == SHT_NOBITS && (header->sh_flags & SHF_TLS))
		return NULL;
	if (header->sh_type == SHT_NOBITS &&
	    (header->sh_flags & SHF_EXECINSTR) && header->sh_size)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "its code is in another file");
	if (header->sh_size && !is_loaded(image, header))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "no segment loads it there");
	return NULL;
}

static int
compare_sections(const void *a, const void *b)
{
	const struct graft_section *x = a, *y = b;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	// Those that own no address stand before the one that does.
	bool x_solid = x->size && !is_tbss(x), y_solid = y->size && !is_tbss(y);
	if (x_solid != y_solid)
		return x_solid ? 1 : -1;
	return strcmp(x->name, y->name);
}

static struct graft_error *
index_sections(struct graft_image *image)
{
	uint64_t end = 0;
	for (size_t i = 0; i < image->section_count; i++) {
		const struct graft_section *section = &image->sections[i];
		if (section->size == 0 || is_tbss(section))
			continue;
		if (section->addr < end)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"%s: overlaps the section before it",
				section->name);
		end = section->addr + section->size;
		image->solid[image->solid_count++] = section;
	}
	return NULL;
}

struct graft_error *
graft_sections_read(struct graft_image *image,
		    const struct graft_reader *reader)
{
	image->sections = calloc(reader->section_count,
				 sizeof(*image->sections));
	image->solid = calloc(reader->section_count, sizeof(*image->solid));
	if (!image->sections || !image->solid)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");

	for (size_t i = 1; i < reader->section_count; i++) {
		const struct graft_reader_section *from = &reader->sections[i];
		const GElf_Shdr *header = &from->header;
		if (header->sh_type == SHT_NULL ||
		    !(header->sh_flags & SHF_ALLOC))
			continue;
		struct graft_error *err = check_section(image, header);
		if (err)
			return graft_error_prefix(err, "%s", from->name);
		image->sections[image->section_count++] =
			(struct graft_section){
				.name = from->name,
				.addr = header->sh_addr,
				.size = header->sh_size,
				.bytes = from->bytes,
				.flags = header->sh_flags,
				.type = header->sh_type,
				.align = header->sh_addralign
						 ? header->sh_addralign
						 : 1,
				.relro = is_relro(image, header),
			};
	}
	qsort(image->sections, image->section_count, sizeof(*image->sections),
	      compare_sections);
	return index_sections(image);
}

const struct graft_section *
graft_image_sections(const struct graft_image *image, size_t *count_ret)
{
	*count_ret = image->section_count;
	return image->sections;
}

const struct graft_section *
graft_image_section_at(const struct graft_image *image, uint64_t addr)
{
	size_t low = 0, high = image->solid_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct graft_section *section = image->solid[mid];
		if (addr < section->addr)
			high = mid;
		else if (addr - section->addr >= section->size)
			low = mid + 1;
		else
			return section;
	}
	return NULL;
}

const struct graft_section *
graft_image_section_named(const struct graft_image *image, const char *name)
{
	for (size_t i = 0; i < image->section_count; i++)
		if (!strcmp(image->sections[i].name, name))
			return &image->sections[i];
	return NULL;
}

const uint8_t *
graft_image_bytes(const struct graft_image *image, uint64_t addr, uint64_t len)
{
	const struct graft_section *section = graft_image_section_at(image,
								     addr);
	if (!section || !section->bytes ||
	    len > section->size - (addr - section->addr))
		return NULL;
	return section->bytes + (addr - section->addr);
}
