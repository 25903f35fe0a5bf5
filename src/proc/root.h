// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What a process sees of files: its root in its mount namespace, and what lies there.
 * A container has its own, and decides what its paths lead to.
 */

#ifndef GRAFT_PROC_ROOT_H
#define GRAFT_PROC_ROOT_H

#include "base/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** Which root it is. Two with the same numbers show the same files. */
struct graft_root {
	/** Mount namespace, by its inode; namespaces(7). */
	uint64_t ns;
	/** Mount that its root is on: a bind mount shows other files below. */
	uint64_t mount;
	/** The directory that is its root: chroot(2). */
	uint64_t dev;
	uint64_t inode;
};

/**
 * Read which root a process has.
 *
 * @param[in] tid Any living thread of it.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NOT_PERMITTED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_root_read(pid_t tid, struct graft_root *ret);

/**
 * Read where the root of a process is, as paths in /proc are written: "/", "/srv/jail".
 *
 * @return As graft_root_read().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_root_read_path(pid_t tid, char ret[PATH_MAX]);

/**
 * Translate a path of a mapping. The kernel writes those as the reader sees them, or from
 * the top of their own namespace where the reader does not see them; proc(5).
 *
 * @param[in] root Where the root of the process is.
 * @param[in] path Of its /proc/PID/maps.
 * @return What the process itself calls it, inside @p path; NULL if it lies outside of
 * its root, as that of who loads its libraries and then calls chroot(2).
 */
const char *
graft_root_inside(const char *root, const char *path);

/** Say whether two roots show the same files. */
bool
graft_root_is_same(const struct graft_root *a, const struct graft_root *b);

/**
 * Open a path as a process sees it. No link leads out of its root (openat2(2),
 * RESOLVE_IN_ROOT), and what is no file or folder does not block.
 *
 * @param[in] tid Any living thread of it.
 * @param[in] path Absolute.
 * @param[in] flags As for open(2), such as O_RDONLY or O_PATH; O_CLOEXEC is added.
 * @param[out] fd_ret Descriptor that the caller closes.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_TARGET_GONE;
 * #GRAFT_ERROR_NOT_PERMITTED; #GRAFT_ERROR_OS. The message names path and process.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_root_open(pid_t tid, const char *path, int flags, int *fd_ret);

/**
 * Open a plain file as a process sees it. What is none is not opened: to open a device
 * may do something.
 *
 * @param[out] fd_ret Read-only; the caller closes it.
 * @return As graft_root_open(); #GRAFT_ERROR_NOT_FOUND also if it is no plain file.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_root_open_file(pid_t tid, const char *path, int *fd_ret);

#endif /* GRAFT_PROC_ROOT_H */
