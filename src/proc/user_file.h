// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A small file of a process in a folder that everybody may write to, such as /tmp:
 * read, written and removed as the user of the process, in the process's own root.
 *
 * The folder is untrusted: no link is followed, a path does not lead out of that root
 * (openat2(2), RESOLVE_IN_ROOT), and nothing that was there is written to.
 */

#ifndef GRAFT_PROC_USER_FILE_H
#define GRAFT_PROC_USER_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	/** Longest file that is read: 16 MiB. */
	GRAFT_USER_FILE_MAX = 16 << 20,
};

/** A place for files of a process. All zeroes but for @ref fd, -1, is none. */
struct graft_user_dir {
	/** The folder. Owned. */
	int fd;
	/** Effective user and group of the process. */
	uid_t uid;
	gid_t gid;
	/** The number that the process has for itself (NStgid of proc(5)): not that of one of its threads. */
	pid_t inner_pid;
};

/** Close a place, and make it none. Also its guard. */
void
graft_user_dir_close(struct graft_user_dir *dir);

/**
 * Open a place for files of a process.
 *
 * @param[in] tid Any living thread of the process.
 * @param[in] path Absolute, as the process sees it.
 * @param[out] ret Close with graft_user_dir_close().
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NOT_PERMITTED;
 * #GRAFT_ERROR_NOT_FOUND if there is no such folder.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_user_dir_open(pid_t tid, const char *path, struct graft_user_dir *ret);

/**
 * Read a file.
 *
 * @param[out] text_ret New buffer with a NUL behind it, which the caller frees; NULL
 * if there is no such file.
 * @param[out] len_ret Bytes, without that NUL.
 * @return NULL; #GRAFT_ERROR_REFUSED if it is no file of that user;
 * #GRAFT_ERROR_LIMIT beyond #GRAFT_USER_FILE_MAX.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_user_file_read(const struct graft_user_dir *dir, const char *name,
		     char **text_ret, size_t *len_ret);

/**
 * Write a file, which takes the place of one that graft_user_file_read() has read.
 * Others may read it.
 *
 * @param[in] text NULL: there shall be none.
 * @param[in] len Bytes.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_user_file_replace(const struct graft_user_dir *dir, const char *name,
			const char *text, size_t len);

#endif /* GRAFT_PROC_USER_FILE_H */
