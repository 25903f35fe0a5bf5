// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The new package, put together on this host: out of what is installed and what the
 * hotpatch brings. Each file is checked against the hash in the hotpatch; nothing is
 * written but the package.
 */

#ifndef GRAFT_PERSIST_REBUILD_H
#define GRAFT_PERSIST_REBUILD_H

#include "base/error.h"
#include "persist/hidden.h"

#include <stdint.h>

struct graft_disk;
struct graft_disk_frames;
struct graft_installed;

/**
 * Write the package that a hotpatch makes new.
 *
 * @param[in] disk Of a package.
 * @param[in] installed That package, in the old version.
 * @param[in] path Where it shall be; NULL: everything is checked, and nothing written.
 * @param[in,out] hidden Gets the paths that this host leaves out of packages: in what is
 * written they are empty, and dpkg must be told to leave them out.
 * @return NULL; #GRAFT_ERROR_REFUSED if a file of the package is not as it came;
 * #GRAFT_ERROR_BAD_INPUT if the hotpatch does not give what it says; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_rebuild(const struct graft_disk *disk,
	      const struct graft_installed *installed, const char *path,
	      struct graft_hidden *hidden);

/**
 * Write the installed package as it is, so that it can come back.
 *
 * Configuration files are in it as the package brought them, which is what dpkg compares
 * with; what an administrator made of them stays where it is.
 *
 * @param[in] disk What is about to replace it.
 * @param[in] path Where it shall be.
 * @param[in,out] hidden As with graft_rebuild().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_rebuild_old(const struct graft_disk *disk,
		  const struct graft_installed *installed, const char *path,
		  struct graft_hidden *hidden);

/**
 * Get the bytes that travel whole.
 *
 * @param[out] ret New buffer of graft_disk_whole_size() bytes that the caller frees.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_rebuild_read_whole(const struct graft_disk *disk, uint8_t **ret);

/**
 * Get the files of NEW's control.tar, one behind the other in the order of the index.
 *
 * @param[out] ret New buffer that the caller frees; each file has the hash that the index
 * says.
 * @return NULL; #GRAFT_ERROR_REFUSED if what dpkg keeps of OLD is not as it came.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_rebuild_read_controls(const struct graft_disk *disk,
			    const struct graft_installed *installed,
			    uint8_t **ret);

/**
 * Get the bytes of a file that is a delta.
 *
 * @param[in] frames Of @p disk.
 * @param[in] i Index of an entry that is a delta.
 * @param[in] old Its old file, of @p old_len bytes; its hash is compared.
 * @param[out] ret New buffer of graft_disk_entry::size bytes that the caller frees, with
 * the hash that the entry says.
 * @return NULL; #GRAFT_ERROR_REFUSED if it is not that old file; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_rebuild_delta(const struct graft_disk *disk,
		    const struct graft_disk_frames *frames, size_t i,
		    const uint8_t *old, size_t old_len, uint8_t **ret);

#endif /* GRAFT_PERSIST_REBUILD_H */
