// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The files behind mappings, each read once in a run: as ELF images that know
 * their SHA-256.
 *
 * Keyed by device, inode, size and time of modification of the open file, never
 * by path or build-id, which a container can forge.
 */

#ifndef GRAFT_PLAN_BUILDS_H
#define GRAFT_PLAN_BUILDS_H

#include "base/cleanup.h"
#include "base/error.h"
#include "elf/image.h"
#include "proc/maps.h"

#include <sys/types.h>

/** A set of images. */
struct graft_builds;

/** Make an empty set; free with graft_builds_free(). */
GRAFT_MUST_CHECK struct graft_error *
graft_builds_new(struct graft_builds **ret);

/** Free a set and its images. NULL is a no-op. */
void
graft_builds_free(struct graft_builds *builds);
GRAFT_DEFINE_CLEANUP(struct graft_builds, graft_builds_free)

/**
 * Get the file behind a mapping.
 *
 * @param[in] pid Process that maps it.
 * @param[in] map A mapping of a file.
 * @param[out] ret Image that lives as long as the set.
 * @return NULL; errors of graft_map_open_file() and graft_image_open_bytes().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_builds_get(struct graft_builds *builds, pid_t pid,
		 const struct graft_map *map, const struct graft_image **ret);

#endif /* GRAFT_PLAN_BUILDS_H */
