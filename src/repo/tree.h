// SPDX-License-Identifier: Apache-2.0

/** @file Folders of files: removed, linked, moved. Inside repo/ only. */

#ifndef GRAFT_REPO_TREE_H
#define GRAFT_REPO_TREE_H

#include "base/error.h"

#include <stddef.h>

/** Called for each plain file of a folder and the folders in it. */
typedef struct graft_error *
graft_tree_fn(void *arg, const char *path, const char *below);

/**
 * Go over the plain files of a folder, in the order of their names. Links are not followed,
 * and other things passed over.
 *
 * @param[in] folder May be missing.
 * @param[in] fn Gets the path, and the path below @p folder.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tree_each(const char *folder, graft_tree_fn *fn, void *arg);

/**
 * Remove a folder and all that is in it; it may be missing.
 *
 * Whoever else writes there meanwhile: nothing is removed that does not lie in it. A link is
 * removed, and not followed.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED if another file system begins in it;
 * #GRAFT_ERROR_LIMIT; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tree_remove(const char *folder);

/** Remove all that is in a folder, as graft_tree_remove() does. */
GRAFT_MUST_CHECK struct graft_error *
graft_tree_empty(const char *folder);

/** Make the folder of a path. */
GRAFT_MUST_CHECK struct graft_error *
graft_tree_make_parent(const char *path);

/** Make a file with these bytes, which must be a new one; synced by graft_tree_sync(). */
GRAFT_MUST_CHECK struct graft_error *
graft_tree_write(const char *path, const void *bytes, size_t len);

/**
 * Put a folder in the place of another one, in one step; the other one is then where it
 * was, unless there was none.
 *
 * @return NULL; #GRAFT_ERROR_OS, also if the file system cannot exchange folders.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tree_exchange(const char *next, const char *public);

/** Write all that was written in the file system of a path. */
GRAFT_MUST_CHECK struct graft_error *
graft_tree_sync(const char *path);

#endif /* GRAFT_REPO_TREE_H */
