// SPDX-License-Identifier: Apache-2.0

/** @file Mapped files that were looked at: many processes map the same, and one of them may
 * map tens of thousands. */

#ifndef GRAFT_HOST_KNOWN_FILES_H
#define GRAFT_HOST_KNOWN_FILES_H

#include "base/error.h"
#include "proc/maps.h"
#include "proc/root.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A file of a root. */
struct graft_known_file {
	struct graft_root root;
	uint64_t dev;
	uint64_t inode;
	bool deleted;
	/** Owned. */
	char *path;
	/** What its finder makes of it. */
	size_t file;
};

/** Some of them, found by a hash. All zeroes is none. */
struct graft_known_files {
	struct graft_known_file *list;
	size_t count;
	size_t room;
	/** Indexes in @ref list plus one, by hash; 0 is free. A power of two of them. */
	size_t *slots;
	size_t slot_count;
};

/** Free what they own, and make them none. Also their guard. */
void
graft_known_files_deinit(struct graft_known_files *known);

/** Find the file of a mapping, or NULL. It stays where it is until one is added. */
struct graft_known_file *
graft_known_files_find(const struct graft_known_files *known,
		       const struct graft_map *map,
		       const struct graft_root *root);

/** Add the file of a mapping, which is not there yet. */
GRAFT_MUST_CHECK struct graft_error *
graft_known_files_add(struct graft_known_files *known,
		      const struct graft_map *map,
		      const struct graft_root *root, size_t file);

#endif /* GRAFT_HOST_KNOWN_FILES_H */
