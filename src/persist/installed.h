// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A package as it is installed: its state, what dpkg keeps of it, and its files where
 * they really lie (diversions count).
 *
 * Paths are looked up within the root, so that no link leads out of it.
 */

#ifndef GRAFT_PERSIST_INSTALLED_H
#define GRAFT_PERSIST_INSTALLED_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/** An installed package. */
struct graft_installed;

/**
 * Look up a package in a root.
 *
 * @param[in] root "" or the path of another root, without "/" at its end.
 * @param[in] package Its name.
 * @param[in] architecture Its architecture.
 * @param[out] ret New; free with graft_installed_free().
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if dpkg knows no such package;
 * #GRAFT_ERROR_UNSUPPORTED if there is no dpkg; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_installed_open(const char *root, const char *package,
		     const char *architecture, struct graft_installed **ret);

/** Free it. NULL is a no-op. */
void
graft_installed_free(struct graft_installed *installed);
GRAFT_DEFINE_CLEANUP(struct graft_installed, graft_installed_free)

/** Get its version. Borrowed. */
const char *
graft_installed_version(const struct graft_installed *installed);

/** Get what dpkg says of its state, such as "ii"; two letters. Borrowed. */
const char *
graft_installed_state(const struct graft_installed *installed);

/** Say whether it is installed and configured, and nothing is left to be done. */
bool
graft_installed_is_whole(const struct graft_installed *installed);

/**
 * Read a file of its control part.
 *
 * @param[in] name "postinst" or the like; "list" for its paths.
 * @param[out] ret New buffer that the caller frees, with a NUL behind it.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_installed_read_info(const struct graft_installed *installed,
			  const char *name, uint8_t **ret, size_t *len_ret);

/**
 * Make its control file: what dpkg's status says of it, without what is dpkg's own.
 *
 * @param[out] ret New string that the caller frees.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_installed_make_control(const struct graft_installed *installed,
			     char **ret);

/**
 * Look up one of its paths, without following a link at its end.
 *
 * @param[in] path Relative to the root.
 * @param[out] fd_ret Of O_PATH; the caller closes it.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_installed_find(const struct graft_installed *installed, const char *path,
		     int *fd_ret, struct stat *st_ret);

/**
 * Read one of its files.
 *
 * @param[out] ret New buffer that the caller frees.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if there is none, or no file;
 * #GRAFT_ERROR_LIMIT; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_installed_read(const struct graft_installed *installed, const char *path,
		     uint8_t **ret, size_t *len_ret);

#endif /* GRAFT_PERSIST_INSTALLED_H */
