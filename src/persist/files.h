// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Files that no package owns: replaced one by one, each at every moment the old or the new
 * one, with the owner, mode, times and attributes that it had.
 *
 * No link is followed: a path is what it says, below one folder.
 */

#ifndef GRAFT_PERSIST_FILES_H
#define GRAFT_PERSIST_FILES_H

#include "base/error.h"

#include <stdbool.h>

struct graft_disk;
struct graft_store;

/**
 * See that every file is the old one and would give the new one. Nothing is changed.
 *
 * @param[in] disk Of no package.
 * @param[in] folder That the paths are below.
 * @return NULL; #GRAFT_ERROR_REFUSED if one is another, or belongs to a package;
 * #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_files_check(const struct graft_disk *disk, const char *folder);

/** Keep the old files in the store. */
GRAFT_MUST_CHECK struct graft_error *
graft_files_keep(const struct graft_disk *disk, const char *folder,
		 const struct graft_store *store, const char *id);

/** Replace the files that are old. Those that are new already stay. */
GRAFT_MUST_CHECK struct graft_error *
graft_files_replace(const struct graft_disk *disk, const char *folder);

/** Bring the old files back where the new ones are. */
GRAFT_MUST_CHECK struct graft_error *
graft_files_restore(const struct graft_disk *disk, const char *folder,
		    const struct graft_store *store, const char *id);

/**
 * Say whether all files are the old ones, or all the new ones.
 *
 * @param[in] new Ask for the new ones.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_files_are(const struct graft_disk *disk, const char *folder, bool new,
		bool *ret);

#endif /* GRAFT_PERSIST_FILES_H */
