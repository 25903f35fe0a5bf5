// SPDX-License-Identifier: Apache-2.0

#include "diff/area.h"

#include "diff/diff.h"

#include <string.h>

bool
graft_section_is_writable(const struct graft_section *section)
{
	return (section->flags & SHF_WRITE) && !section->relro;
}

enum graft_area
graft_area_of_section(const struct graft_section *section)
{
	if (!section || (section->flags & SHF_TLS))
		return GRAFT_AREA_NONE;
	if (section->flags & SHF_EXECINSTR) {
		if (strncmp(section->name, ".plt", 4) == 0)
			return GRAFT_AREA_PLT;
		return GRAFT_AREA_CODE;
	}
	if (strncmp(section->name, ".got", 4) == 0)
		return GRAFT_AREA_GOT;
	if (section->type == SHT_DYNAMIC)
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

/** Find the last section that starts at or before @p addr. */
static const struct graft_section *
section_before(const struct graft_image *image, uint64_t addr)
{
	size_t count;
	const struct graft_section *sections = graft_image_sections(image,
								    &count);
	const struct graft_section *best = NULL;

	for (size_t i = 0; i < count; i++) {
		if (sections[i].addr <= addr && !(sections[i].flags & SHF_TLS))
			best = &sections[i];
	}
	return best;
}

bool
graft_area_same_frame(const struct graft_image *old_image, uint64_t old_addr,
		      const struct graft_image *new_image, uint64_t new_addr)
{
	const struct graft_section *o = section_before(old_image, old_addr);
	const struct graft_section *n = section_before(new_image, new_addr);

	if (!o || !n)
		return !o && !n && old_addr == new_addr;
	if (strcmp(o->name, n->name) != 0)
		return false;
	// Ends correspond to ends, starts to starts, whatever the size.
	if (old_addr - o->addr >= o->size)
		return new_addr - n->addr >= n->size &&
		       old_addr - o->addr - o->size ==
			       new_addr - n->addr - n->size;
	return old_addr - o->addr == new_addr - n->addr;
}
