// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Whether the file of a mapping still lies at its path: a look that costs little, which
 * opens no file and reads none.
 */

#ifndef GRAFT_HOST_IN_PLACE_H
#define GRAFT_HOST_IN_PLACE_H

#include "base/error.h"
#include "proc/maps.h"
#include "proc/root.h"

#include <stdbool.h>
#include <sys/types.h>

struct stat;

/** Where a mapping's file is looked for. All borrowed. */
struct graft_place {
	/** Whose root it is: a living thread of the process, or we. */
	pid_t tid;
	/** Whose mapping it is: a living thread of the process. */
	pid_t mapper;
	const struct graft_root *root;
	/** Absolute, in that root. */
	const char *path;
};

/** Say whether a mapping is code that came from a file which a path can lead to. */
bool
graft_map_is_code_of_file(const struct graft_map *map);

/**
 * Look at what lies at the path of a mapping.
 *
 * @param[out] now_ret What lies there; zeroed if nothing does.
 * @param[out] in_place_ret It is the very file that is mapped, by device and inode. Without the
 * right to ask for that of the mapping (CAP_SYS_ADMIN) this says no on file systems of several
 * layers or volumes.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_place_look(const struct graft_place *place, const struct graft_map *map,
		 struct stat *now_ret, bool *in_place_ret);

#endif /* GRAFT_HOST_IN_PLACE_H */
