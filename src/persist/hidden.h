// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Paths that hosts leave out of packages: documentation, manuals, translations.
 *
 * Where one is missing, nothing can be made of it, and nothing need be: dpkg is told to
 * leave it out this time too (`--path-exclude`). It stays on dpkg's list of the package.
 */

#ifndef GRAFT_PERSIST_HIDDEN_H
#define GRAFT_PERSIST_HIDDEN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/**
 * Say whether a host may have told dpkg to leave a path out, without harm to what runs.
 *
 * @param[in] path Relative to the root.
 */
bool
graft_hidden_may_be(const char *path);

/** Paths that a host does not have. All zeroes: none. */
struct graft_hidden {
	char **paths;
	size_t count;
	size_t cap;
};

/** Free what it owns. */
void
graft_hidden_deinit(struct graft_hidden *hidden);

/** Add a path; it is copied. */
GRAFT_MUST_CHECK struct graft_error *
graft_hidden_add(struct graft_hidden *hidden, const char *path);

/** Say whether a path is there. */
bool
graft_hidden_has(const struct graft_hidden *hidden, const char *path);

/** Write it as a file, one path a line. */
GRAFT_MUST_CHECK struct graft_error *
graft_hidden_write(const struct graft_hidden *hidden, const char *path);

/** Read such a file. */
GRAFT_MUST_CHECK struct graft_error *
graft_hidden_read(const char *path, struct graft_hidden *hidden);

#endif /* GRAFT_PERSIST_HIDDEN_H */
