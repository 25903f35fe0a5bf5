// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Files read and written whole, and directories.
 *
 * A file that is written is seen by others either as it was or as it shall be:
 * it is written beside, synced, and renamed.
 */

#ifndef GRAFT_BASE_FILE_H
#define GRAFT_BASE_FILE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Open a regular file to read it. A FIFO that nobody writes to does not hang.
 *
 * @param[in] flags Beside O_RDONLY, O_CLOEXEC and O_NONBLOCK: O_NOFOLLOW, or 0.
 * @param[out] fd_ret The caller closes it.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_UNSUPPORTED (a directory, device or
 * pipe); #GRAFT_ERROR_OS. The message names the file.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_file_open_regular(const char *path, int flags, int *fd_ret);

/**
 * Read a whole regular file.
 *
 * @param[in] path Its path; symbolic links are followed.
 * @param[in] max Most bytes that are accepted.
 * @param[out] bytes_ret New buffer that the caller frees; never NULL. A NUL
 * stands behind the last byte.
 * @param[out] len_ret Number of bytes without that NUL.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_LIMIT;
 * #GRAFT_ERROR_UNSUPPORTED (a directory, device or pipe); #GRAFT_ERROR_OS. The
 * message names the file.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_file_read(const char *path, uint64_t max, uint8_t **bytes_ret,
		size_t *len_ret);

/**
 * Read what is left of an open file, of any kind (files of /proc too, whose
 * size is said to be 0).
 *
 * @param[in] fd Open for reading; borrowed.
 * @param[in] max Most bytes that are accepted.
 * @param[out] bytes_ret As with graft_file_read().
 * @param[out] len_ret As with graft_file_read().
 * @return NULL; #GRAFT_ERROR_LIMIT; #GRAFT_ERROR_OS. The message does not name
 * the file.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_file_read_fd(int fd, uint64_t max, uint8_t **bytes_ret, size_t *len_ret);

/**
 * Open a plain file to read it.
 *
 * @param[in] path_fd Of O_PATH; borrowed. Only with one like it a file can be looked at
 * before it is opened, and to open a device or a pipe does something.
 * @param[out] fd_ret Read-only; the caller closes it.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if it is no plain file; #GRAFT_ERROR_OS. The
 * message does not name the file.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_file_open_plain(int path_fd, int *fd_ret);

/**
 * Write a whole file: beside, synced, renamed over @p path, directory synced.
 *
 * On error there is nothing new at @p path and nothing beside it; only if the
 * last step, syncing the directory, fails, the new file may be in place.
 *
 * @param[in] path Where it shall be. A file that is there is replaced;
 * anything else that is there (a device, a link) refuses.
 * @param[in] bytes What it holds.
 * @param[in] len Number of bytes. 0 is allowed.
 * @param[in] mode Permissions, such as 0644; the umask does not apply.
 * @return NULL; #GRAFT_ERROR_OS with the path; #GRAFT_ERROR_BAD_INPUT if it is no
 * place for a file. Fault points "file-write",
 * "file-rename".
 */
GRAFT_MUST_CHECK struct graft_error *
graft_file_write(const char *path, const void *bytes, size_t len, mode_t mode);

/**
 * Remove files that a graft_file_write() which was killed left beside those that it should write.
 *
 * For who holds the lock under which alone files are written in a folder: else it would take them from who
 * writes just then. What cannot be removed stays; nobody is kept from anything by that.
 *
 * @param[in] folder Its path.
 * @param[in] pattern What the files that are written there are called, as for fnmatch(3): `*.json`. It must
 * match no file of which the name ends in a point and six letters or digits, unless it is one of those.
 */
void
graft_file_sweep(const char *folder, const char *pattern);

/**
 * Refuse a path at which something other than a file is: a rename would put a
 * file in the place of a device, a FIFO or a link.
 *
 * @return NULL, also if nothing is there; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_OS if it is a
 * directory. The message does not name it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_file_check_place(const char *path);

/**
 * Sync the directory of a path, so that a rename in it survives a crash.
 *
 * @return NULL; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_file_sync_parent(const char *path);

/**
 * Write all bytes to a descriptor, through interruptions and short writes.
 *
 * @return NULL; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_file_write_fd(int fd, const void *bytes, size_t len);

/**
 * Make a directory and those above it that are missing (mkdir -p).
 *
 * @param[in] path Its path.
 * @param[in] mode Permissions of each that is made, such as 0700, less the
 * umask.
 * @return NULL, also if it was there; #GRAFT_ERROR_OS with the path.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dir_make(const char *path, mode_t mode);

#endif /* GRAFT_BASE_FILE_H */
