// SPDX-License-Identifier: Apache-2.0

#include "plan/sightings.h"

#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

void
graft_sightings_deinit(struct graft_sightings *sightings)
{
	if (!sightings)
		return;
	free(sightings->list);
	*sightings = (struct graft_sightings){ 0 };
}

const struct graft_sighting *
graft_sightings_find(const struct graft_sightings *sightings,
		     const uint64_t key[GRAFT_SIGHTING_KEY])
{
	for (size_t i = 0; sightings && i < sightings->count; i++) {
		const struct graft_sighting *sighting = &sightings->list[i];
		if (memcmp(sighting->key, key, sizeof(sighting->key)) == 0)
			return sighting;
	}
	return NULL;
}

struct graft_error *
graft_sightings_keep(struct graft_sightings *sightings,
		     const struct graft_sighting *sighting)
{
	if (!sightings || sightings->count >= GRAFT_SIGHTINGS_MAX ||
	    graft_sightings_find(sightings, sighting->key))
		return NULL;
	struct graft_error *err = graft_vec_reserve(
		&sightings->list, &sightings->room, sightings->count + 1,
		sizeof(*sightings->list));
	if (!err)
		sightings->list[sightings->count++] = *sighting;
	return err;
}
