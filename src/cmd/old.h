// SPDX-License-Identifier: Apache-2.0

/** @file The OLD builds of a hotpatch, in a tree that the user names. */

#ifndef GRAFT_CMD_OLD_H
#define GRAFT_CMD_OLD_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct graft_patch;
struct graft_patch_module;
struct graft_side;

/**
 * Read the build that a module replaces. It is found by its SHA-256.
 *
 * @param[in] module Any.
 * @param[out] name_ret Lent by @p side; NULL if the file is not there.
 * @param[out] bytes_ret New buffer that the caller frees; NULL if it is not.
 * @param[out] len_ret Its length.
 * @return NULL, also if it is not there; errors of graft_tree_read().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_old_read(const struct graft_side *side,
	       const struct graft_patch_module *module, const char **name_ret,
	       uint8_t **bytes_ret, size_t *len_ret);

/**
 * Fill in the code of the modules that lack it and whose OLD build is there.
 *
 * @param[in,out] patch Its modules are completed.
 * @return NULL, also if some still lack their code; errors of graft_tree_read()
 * and graft_delta_complete().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_old_complete(const struct graft_side *side, struct graft_patch *patch);

/** Count the modules that lack their code. */
size_t
graft_old_lacking(const struct graft_patch *patch);

#endif /* GRAFT_CMD_OLD_H */
