// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What lies on disk in the place of a file that is mapped: the file itself, another one
 * at its path, or, of a library, what its soname leads to in the same folder.
 */

#ifndef GRAFT_HOST_SUCCESSOR_H
#define GRAFT_HOST_SUCCESSOR_H

#include "base/error.h"
#include "host/in_place.h"

#include <stdbool.h>
#include <sys/types.h>

/**
 * Find and open what stands for a file.
 *
 * @param[in] old_fd The file that is mapped; its offset moves.
 * @param[out] path_ret New string that the caller frees; NULL: nothing stands for it.
 * @param[out] fd_ret As with graft_root_open_file(); left alone if nothing does.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_successor_find(const struct graft_place *place, int old_fd,
		     char **path_ret, int *fd_ret);

/**
 * Say whether a path of another root leads to the very file that it leads to in ours. A
 * service with folders of its own (PrivateTmp= of systemd.exec(5)) sees the rest as we do.
 *
 * @param[in] tid A living thread of a process with that root.
 */
bool
graft_successor_is_ours(pid_t tid, const char *path);

#endif /* GRAFT_HOST_SUCCESSOR_H */
