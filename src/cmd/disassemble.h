// SPDX-License-Identifier: Apache-2.0

/** @file The code that a hotpatch carries, beside the code that it replaces. */

#ifndef GRAFT_CMD_DISASSEMBLE_H
#define GRAFT_CMD_DISASSEMBLE_H

#include "base/error.h"

struct graft_image;
struct graft_patch_module;
struct graft_text;

/**
 * Append every carried function, old and new side by side.
 *
 * References are named where it is known what they go to: carried functions,
 * imports and, with the old build, its symbols and PLT.
 *
 * @param[in] module A `hotpatch`.
 * @param[in] old_image The OLD build, or NULL: then the new code alone.
 * @param[in,out] text Gets the listing.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_disassemble(const struct graft_patch_module *module,
		  const struct graft_image *old_image, struct graft_text *text);

#endif /* GRAFT_CMD_DISASSEMBLE_H */
