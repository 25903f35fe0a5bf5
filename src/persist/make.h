// SPDX-License-Identifier: Apache-2.0

/** @file From two packages to the part of a hotpatch for the disk (patch/disk.h). */

#ifndef GRAFT_PERSIST_MAKE_H
#define GRAFT_PERSIST_MAKE_H

#include "base/error.h"

#include <stddef.h>

struct graft_disk;

/**
 * Make what brings an installed package to a new version.
 *
 * Configuration files travel whole, those of OLD that changed too: the host may have them
 * edited. All others are taken from what is installed, where OLD has them.
 *
 * @param[in] old_path Of OLD's `.deb`.
 * @param[in] new_path Of NEW's.
 * @param[out] ret New, sealed; free with graft_disk_free().
 * @return NULL; what graft_deb_open() returns; #GRAFT_ERROR_UNSUPPORTED if they are not
 * two versions of one package; what graft_disk_seal() returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_disk_make(const char *old_path, const char *new_path,
		struct graft_disk **ret);

/**
 * Make what brings files of no package to new ones: each ELF file that both sides have and
 * that differs.
 *
 * @param[in] old_path A file or folder.
 * @param[in] new_path The same of NEW.
 * @param[in] paths Of the files, as in a hotpatch's modules; of a single file its name.
 * @param[in] count How many.
 * @param[out] ret New, sealed; free with graft_disk_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_disk_make_files(const char *old_path, const char *new_path,
		      const char *const *paths, size_t count,
		      struct graft_disk **ret);

#endif /* GRAFT_PERSIST_MAKE_H */
