// SPDX-License-Identifier: Apache-2.0

#include "apply/zones.h"

#include <stdlib.h>
#include <sys/mman.h>

struct graft_error *
graft_zones_init(struct graft_zones *zones, size_t room)
{
	zones->ranges = calloc(room + 1, sizeof(*zones->ranges));
	zones->places = calloc(room + 1, sizeof(*zones->places));
	return zones->ranges && zones->places ? NULL : graft_error_no_memory();
}

void
graft_zones_deinit(struct graft_zones *zones)
{
	free(zones->ranges);
	free(zones->places);
	*zones = (struct graft_zones){ 0 };
}

static void
add_range(struct graft_zones *zones, uint64_t start, uint64_t len,
	  uint64_t named_from, const char *name)
{
	zones->ranges[zones->count] =
		(struct graft_range){ .start = start, .end = start + len };
	zones->places[zones->count] = (struct graft_active_place){
		.start = named_from, .name = name
	};
	zones->count++;
}

void
graft_zones_add_fragments(struct graft_zones *zones,
			  const struct graft_header *to, bool may_stay)
{
	for (uint32_t i = 0; i < to->fragment_count; i++) {
		const struct graft_header_fragment *f = &to->fragments[i];
		const struct graft_header_redirect *r =
			&to->redirects[f->redirect];
		uint64_t from = r->entry <= f->addr ? r->entry : f->addr;
		uint64_t end = f->addr + f->size;
		uint64_t jump = r->entry + r->skip + GRAFT_JUMP_SIZE;
		uint64_t split = f->addr;
		if (r->entry >= f->addr && r->entry < end)
			split = jump < end ? jump : end;
		if (split > f->addr)
			add_range(zones, f->addr, split - f->addr, from,
				  r->name);
		if (split == end)
			continue;
		add_range(zones, split, end - split, from, r->name);
		zones->places[zones->count - 1].behind_jump = may_stay;
	}
}

void
graft_zones_add_regions(struct graft_zones *zones,
			const struct graft_header *from)
{
	for (uint32_t i = 0; i < from->region_count; i++) {
		const struct graft_header_region *region = &from->regions[i];
		if (region->prot & PROT_EXEC)
			add_range(zones, region->addr, region->len,
				  region->addr, NULL);
	}
}
