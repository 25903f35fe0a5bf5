// SPDX-License-Identifier: Apache-2.0

/** @file Debian packages: an ar archive with two tar archives in it. */

#ifndef GRAFT_DIFF_DEB_H
#define GRAFT_DIFF_DEB_H

#include "base/error.h"

struct graft_tree;

/**
 * Read a `.deb`: its name, version and files.
 *
 * ELF files go to graft_tree::spill; of others only size and hash are kept.
 *
 * @param[in,out] tree Gets package, version, bytes, files and spill; its name is
 * the package's path. On error it may hold some of them; free it.
 * @return NULL; #GRAFT_ERROR_OS; #GRAFT_ERROR_UNSUPPORTED (an ar archive, but
 * no package); #GRAFT_ERROR_BAD_INPUT (truncated, malformed);
 * #GRAFT_ERROR_LIMIT (a bomb). The message begins with the path.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_deb_read(struct graft_tree *tree);

#endif /* GRAFT_DIFF_DEB_H */
