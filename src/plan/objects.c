// SPDX-License-Identifier: Apache-2.0

#include "plan/objects.h"

#include "plan/place.h"

#include <string.h>
#include <sys/mman.h>

/** Find an object by identity and size. */
static const struct graft_header_object *
find(const struct graft_header *header,
     const struct graft_header_object *object)
{
	for (uint32_t i = 0; i < header->object_count; i++) {
		const struct graft_header_object *at = &header->objects[i];
		if (at->size == object->size &&
		    memcmp(at->identity, object->identity,
			   sizeof(at->identity)) == 0)
			return at;
	}
	return NULL;
}

void
graft_objects_find(const struct graft_making *making,
		   struct graft_plan_module *module)
{
	struct graft_header *header = &module->header;

	for (size_t i = 0; i < making->headers->count; i++) {
		const struct graft_header *other = making->headers->headers[i];
		if (other->base != header->base ||
		    other->state == GRAFT_HEADER_BUILDING ||
		    !graft_place_is_there(making->maps, other))
			continue;
		for (uint32_t k = 0; k < header->object_count; k++) {
			const struct graft_header_object *at =
				find(other, &header->objects[k]);
			if (at && graft_place_is_mapped(making->maps, at->addr,
							at->size,
							PROT_READ | PROT_WRITE))
				header->objects[k].addr = at->addr;
		}
	}
}

static bool
has_writable(const struct graft_header *header)
{
	for (uint32_t i = 0; i < header->region_count; i++) {
		if (header->regions[i].prot & PROT_WRITE)
			return true;
	}
	return false;
}

/** Count the objects that another one does not have. */
static uint32_t
count_without(const struct graft_header *header,
	      const struct graft_header *other)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < header->object_count; i++)
		count += !find(other, &header->objects[i]);
	return count;
}

struct graft_error *
graft_objects_check(const struct graft_header *from,
		    const struct graft_header *to)
{
	if (!has_writable(from) || !has_writable(to))
		return NULL;
	if (from->object_count && to->object_count &&
	    (!count_without(from, to) || !count_without(to, from)))
		return NULL;
	return graft_error_new(
		GRAFT_ERROR_REFUSED,
		"R-12: %s: hotpatch %s, which is in it, and this one both have new variables, and it is not known which of them are the same; revert that one first",
		to->module, from->id);
}
