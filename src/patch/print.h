// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A hotpatch for people and for other programs.
 *
 * Names that come from a file are shown so that they stay one line on a
 * terminal; colour and tables belong to cmd/.
 */

#ifndef GRAFT_PATCH_PRINT_H
#define GRAFT_PATCH_PRINT_H

#include "base/error.h"
#include "base/text.h"
#include "patch/patch.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Get what the assurance does not say, as one paragraph without newline.
 *
 * @return Static; "" for #GRAFT_ASSURANCE_NONE.
 */
const char *
graft_assurance_caveat(enum graft_assurance assurance);

/**
 * Append what a hotpatch carries, where it came from, verdicts, reasons, sizes
 * and what its assurance does not say.
 *
 * @param[in] file_len Bytes of the `.graft` file; 0 if not known.
 */
void
graft_patch_print_text(const struct graft_patch *patch, uint64_t file_len,
		       struct graft_text *text);

/**
 * Append the whole hotpatch as one JSON object and a newline, code left out.
 *
 * @param[in] file_len Bytes of the `.graft` file; 0 if not known.
 */
void
graft_patch_print_json(const struct graft_patch *patch, uint64_t file_len,
		       struct graft_text *text);

/**
 * Append the answer of `graft diff --json`: one JSON object and a newline.
 *
 * `package_bytes` is the size of the encoded hotpatch, and of each module's
 * member in it as stored; so this encodes.
 *
 * @param[in,out] patch Gets its id.
 * @return NULL, or what graft_patch_encode() says; then nothing is appended.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_patch_print_diff_json(struct graft_patch *patch, struct graft_text *text);

#endif /* GRAFT_PATCH_PRINT_H */
