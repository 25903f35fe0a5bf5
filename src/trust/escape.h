// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Names of roles and paths of targets in URLs and in file names.
 *
 * They come from outside: `../x`, `?`, `#` are good names of roles.
 */

#ifndef GRAFT_TRUST_ESCAPE_H
#define GRAFT_TRUST_ESCAPE_H

#include "base/error.h"
#include "base/text.h"

/**
 * Append a name as one component of a URL: all but letters, digits and `-._~` become
 * `%NN`.
 */
void
graft_escape_component(struct graft_text *out, const char *name);

/** Append a path to a URL: as graft_escape_component(), but `/` stays. */
void
graft_escape_path(struct graft_text *out, const char *path);

/**
 * Make the name of a file that stands for a name, in a directory with others.
 *
 * As graft_escape_component(), and a leading dot becomes `%2E`, so that it is
 * neither hidden nor a directory. One too long for a file system becomes `sha256+`
 * and the hash of the name. Different names get different files, the same name the same.
 *
 * @param[in] suffix Put behind it, such as ".json".
 * @param[out] ret String that the caller frees.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_escape_file(const char *name, const char *suffix, char **ret);

#endif /* GRAFT_TRUST_ESCAPE_H */
