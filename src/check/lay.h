// SPDX-License-Identifier: Apache-2.0

/** @file What worlds are laid with. Inside check/ only. */

#ifndef GRAFT_CHECK_LAY_H
#define GRAFT_CHECK_LAY_H

#include "check/world.h"

/** Add a range, whose bytes are borrowed. */
GRAFT_MUST_CHECK struct graft_error *
graft_lay_range(struct graft_world *world, struct graft_world_range range);

/** Add a slot of the loader. */
GRAFT_MUST_CHECK struct graft_error *
graft_lay_slot(struct graft_world *world, uint64_t addr,
	       struct graft_value value);

/** Make a zeroed buffer that lives as long as the world. */
GRAFT_MUST_CHECK struct graft_error *
graft_lay_own(struct graft_world *world, uint64_t len, uint8_t **ret);

/** What the loader puts where a relocation stands. */
struct graft_value
graft_lay_value(const struct graft_reloc *reloc);

/** Take over the sections and slots of a build, which is borrowed. */
GRAFT_MUST_CHECK struct graft_error *
graft_lay_image(struct graft_world *world, const struct graft_image *image);

#endif /* GRAFT_CHECK_LAY_H */
