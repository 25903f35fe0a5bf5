// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The roots that the repository of a directory has had, from the first one on, so that it is known again
 * by each of them.
 *
 *     DIR/anchor.json          the one that the administrator gave
 *     DIR/trusted/root.json    the one of now
 *     DIR/roots                the SHA-256 of each that was trusted, a line each
 */

#ifndef GRAFT_UPDATE_ROOTS_H
#define GRAFT_UPDATE_ROOTS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	/** Roots of a repository that are known again: of more the newest. */
	GRAFT_ROOTS_MAX = 4096,
};

/**
 * Note a root of a directory's repository. Noted twice it stands there once.
 *
 * @param[in] bytes Verified by the root before it, of @p len bytes.
 * @return NULL; as graft_file_write().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_roots_note(const char *dir, const void *bytes, size_t len);

/**
 * Make a root the one that the administrator gave. The one before is known again.
 *
 * @return NULL; as graft_file_write().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_roots_anchor(const char *dir, const void *bytes, size_t len);

/** Say whether the repository of a directory has, or has had, a root. */
bool
graft_roots_have(const char *dir, const void *bytes, size_t len);

/** Say whether a directory's repository has had the root in a file. False if there is no such file. */
bool
graft_roots_have_file(const char *dir, const char *file);

/** Say whether two directories are of one repository. */
bool
graft_roots_are_one(const char *dir, const char *other);

/** Say whether a directory trusts a root already. */
bool
graft_roots_are_trusted(const char *dir);

#endif /* GRAFT_UPDATE_ROOTS_H */
