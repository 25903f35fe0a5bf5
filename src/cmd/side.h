// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * All builds of one side, OLD's or NEW's, that a hotpatch was made of: an ELF file, a
 * directory, a package, or a folder of packages.
 */

#ifndef GRAFT_CMD_SIDE_H
#define GRAFT_CMD_SIDE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sha256.h"
#include "diff/input/tree.h"

#include <stddef.h>

/** One side. */
struct graft_side {
	/** Path that it was opened by. */
	char *name;
	/** Of a folder of packages one each; else one. Owned. */
	struct graft_tree **trees;
	size_t count;
};

/**
 * Open a side.
 *
 * @param[out] ret New; free with graft_side_close().
 * @return As graft_tree_open().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_side_open(const char *path, struct graft_side **ret);

/** Free a side. NULL is a no-op. */
void
graft_side_close(struct graft_side *side);
GRAFT_DEFINE_CLEANUP(struct graft_side, graft_side_close)

/**
 * Find a build by its SHA-256.
 *
 * @param[out] tree_ret Where it is, lent by @p side; NULL if it is not there. May be NULL.
 * @return Lent by @p side; NULL if it is not there.
 */
const struct graft_tree_file *
graft_side_find(const struct graft_side *side,
		const uint8_t sha256[GRAFT_SHA256_LEN],
		const struct graft_tree **tree_ret);

#endif /* GRAFT_CMD_SIDE_H */
