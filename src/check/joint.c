// SPDX-License-Identifier: Apache-2.0

#include "check/joint.h"

#include <stdlib.h>

enum { ROOM_MIN = 64 };

void
graft_joint_map_deinit(struct graft_joint_map *map)
{
	free(map->slots);
	*map = (struct graft_joint_map){ 0 };
}

/** Where a key stands, or the free place where it would. */
static struct graft_joint *
place(const struct graft_joint_map *map, uint64_t a, uint64_t b)
{
	uint64_t hash = (a * UINT64_C(0x9e3779b97f4a7c15)) ^
			(b * UINT64_C(0xc2b2ae3d27d4eb4f));
	size_t at = (size_t)(hash ^ (hash >> 29)) & (map->room - 1);

	while (map->slots[at].used &&
	       (map->slots[at].a != a || map->slots[at].b != b))
		at = (at + 1) & (map->room - 1);
	return &map->slots[at];
}

static struct graft_error *
grow(struct graft_joint_map *map)
{
	struct graft_joint_map bigger = {
		.room = map->room ? map->room * 2 : ROOM_MIN,
		.count = map->count,
	};

	bigger.slots = calloc(bigger.room, sizeof(*bigger.slots));
	if (!bigger.slots)
		return graft_error_no_memory();
	for (size_t i = 0; i < map->room; i++) {
		const struct graft_joint *old = &map->slots[i];
		if (old->used)
			*place(&bigger, old->a, old->b) = *old;
	}
	free(map->slots);
	*map = bigger;
	return NULL;
}

struct graft_error *
graft_joint_put(struct graft_joint_map *map, uint64_t a, uint64_t b,
		uint64_t value, struct graft_joint **ret, bool *fresh_ret)
{
	if (map->count * 4 >= map->room * 3) {
		struct graft_error *err = grow(map);
		if (err)
			return err;
	}
	struct graft_joint *at = place(map, a, b);
	*fresh_ret = !at->used;
	if (!at->used) {
		*at = (struct graft_joint){ a, b, value, true };
		map->count++;
	}
	*ret = at;
	return NULL;
}

const struct graft_joint *
graft_joint_find(const struct graft_joint_map *map, uint64_t a, uint64_t b)
{
	if (!map->room)
		return NULL;
	const struct graft_joint *at = place(map, a, b);
	return at->used ? at : NULL;
}
