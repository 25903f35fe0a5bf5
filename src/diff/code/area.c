// SPDX-License-Identifier: Apache-2.0

#include "diff/code/area.h"

#include "diff/diff.h"

#include <string.h>

bool
graft_section_is_writable(const struct graft_section *section)
{
	return section && (section->flags & SHF_WRITE) && !section->relro;
}

/** Is it read by the unwinder only? Code that names its start means the end of
 * what stands before. */
static bool
is_unwinding(const struct graft_section *section)
{
	return strncmp(section->name, ".eh_frame", 9) == 0 ||
	       strncmp(section->name, ".gcc_except_table", 17) == 0;
}

enum graft_area
graft_area_of_section(const struct graft_section *section)
{
	if (!section || (section->flags & SHF_TLS) || is_unwinding(section))
		return GRAFT_AREA_NONE;
	if (section->flags & SHF_EXECINSTR) {
		if (strncmp(section->name, ".plt", 4) == 0)
			return GRAFT_AREA_PLT;
		return GRAFT_AREA_CODE;
	}
	if (strncmp(section->name, ".got", 4) == 0)
		return GRAFT_AREA_GOT;
	// Static programs read how they are relocated, once, when they start.
	if (section->type == SHT_DYNAMIC || section->type == SHT_RELA)
		return GRAFT_AREA_NONE;
	if (graft_section_is_writable(section))
		return GRAFT_AREA_DATA;
	return GRAFT_AREA_CONSTANT;
}

enum graft_area
graft_area_of(const struct graft_image *image, uint64_t addr)
{
	return graft_area_of_section(graft_image_section_at(image, addr));
}

/** An address as the linker's frame names it: by the sections around it. */
struct frame {
	/** Section that holds it, or NULL, and the offset in it. */
	const struct graft_section *inside;
	uint64_t off;
	/** Section that ends last at or before it, or NULL, and how far. */
	const struct graft_section *behind;
	uint64_t gap;
};

static struct frame
frame_of(const struct graft_image *image, uint64_t addr)
{
	struct frame frame = { 0 };
	size_t count;
	const struct graft_section *sections = graft_image_sections(image,
								    &count);

	for (size_t i = 0; i < count; i++) {
		const struct graft_section *s = &sections[i];
		if (s->addr > addr || (s->flags & SHF_TLS))
			continue;
		if (addr - s->addr < s->size) {
			frame.inside = s;
			frame.off = addr - s->addr;
		} else {
			frame.behind = s;
			frame.gap = addr - s->addr - s->size;
		}
	}
	return frame;
}

static bool
same_name(const struct graft_section *a, const struct graft_section *b)
{
	return a && b && strcmp(a->name, b->name) == 0;
}

bool
graft_area_same_end(const struct graft_image *old_image, uint64_t old_addr,
		    const struct graft_image *new_image, uint64_t new_addr)
{
	struct frame o = frame_of(old_image, old_addr);
	struct frame n = frame_of(new_image, new_addr);

	return same_name(o.behind, n.behind) && o.gap == 0 && n.gap == 0;
}

bool
graft_area_same_frame(const struct graft_image *old_image, uint64_t old_addr,
		      const struct graft_image *new_image, uint64_t new_addr)
{
	struct frame o = frame_of(old_image, old_addr);
	struct frame n = frame_of(new_image, new_addr);

	if (o.inside && n.inside)
		return same_name(o.inside, n.inside) && o.off == n.off;
	if (!o.inside && !n.inside && !o.behind && !n.behind)
		return old_addr == new_addr;
	return same_name(o.behind, n.behind) && o.gap == n.gap;
}
