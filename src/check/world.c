// SPDX-License-Identifier: Apache-2.0

#include "check/world.h"

#include <string.h>

enum { TEXT_MAX = 1 << 16 };

void
graft_world_deinit(struct graft_world *world)
{
	for (size_t i = 0; i < world->owned_count; i++)
		free(world->owned[i]);
	free(world->owned);
	free(world->ranges);
	free(world->slots);
	free(world->starts.addrs);
	*world = (struct graft_world){ 0 };
}

const struct graft_world_range *
graft_world_range_at(const struct graft_world *world, uint64_t addr)
{
	size_t low = 0;
	size_t high = world->range_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct graft_world_range *range = &world->ranges[mid];
		if (addr < range->addr)
			high = mid;
		else if (addr - range->addr >= range->size)
			low = mid + 1;
		else
			return range;
	}
	return NULL;
}

enum graft_world_area
graft_world_area_at(const struct graft_world *world, uint64_t addr)
{
	const struct graft_world_range *range = graft_world_range_at(world,
								     addr);

	return range ? range->area : GRAFT_WORLD_NONE;
}

size_t
graft_world_slot_from(const struct graft_world *world, uint64_t addr)
{
	size_t low = 0;
	size_t high = world->slot_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (world->slots[mid].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct graft_world_slot *
graft_world_slot_at(const struct graft_world *world, uint64_t addr)
{
	size_t i = graft_world_slot_from(world, addr);

	if (i < world->slot_count && world->slots[i].addr == addr)
		return &world->slots[i];
	return NULL;
}

const char *
graft_world_text(const struct graft_world *world, uint64_t addr,
		 uint64_t *len_ret)
{
	const struct graft_world_range *range = graft_world_range_at(world,
								     addr);

	if (!range || !range->bytes ||
	    (range->area != GRAFT_WORLD_CONSTANT &&
	     range->area != GRAFT_WORLD_DATA))
		return NULL;
	const uint8_t *text = range->bytes + (addr - range->addr);
	uint64_t left = range->size - (addr - range->addr);
	for (uint64_t i = 0; i < left && i < TEXT_MAX; i++) {
		if (text[i] == 0) {
			*len_ret = i + 1;
			return (const char *)text;
		}
		if (text[i] == 0x7f ||
		    (text[i] < 0x20 && !strchr("\a\b\t\n\v\f\r\033", text[i])))
			return NULL;
	}
	return NULL;
}

const struct graft_image *
graft_world_image_of(const struct graft_world *world, uint64_t addr,
		     uint64_t *addr_ret)
{
	if (world->shadow_image && addr >= world->shadow) {
		*addr_ret = addr - world->shadow;
		return world->shadow_image;
	}
	*addr_ret = addr;
	return world->image;
}

size_t
graft_world_extent_index(const struct graft_image *image, uint64_t addr)
{
	size_t high;
	const struct graft_extent *all = graft_image_extents(image, &high);
	size_t low = 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (addr < all[mid].addr)
			high = mid;
		else if (addr - all[mid].addr >= all[mid].size)
			low = mid + 1;
		else
			return mid;
	}
	return SIZE_MAX;
}

const struct graft_extent *
graft_world_extent_at(const struct graft_world *world, uint64_t addr,
		      uint64_t *end_ret)
{
	uint64_t own;
	size_t count;
	const struct graft_image *image = graft_world_image_of(world, addr,
							       &own);
	size_t i = graft_world_extent_index(image, own);

	if (i == SIZE_MAX)
		return NULL;
	const struct graft_extent *extent = &graft_image_extents(image,
								 &count)[i];
	*end_ret = addr + (extent->addr + extent->size - own);
	return extent;
}
