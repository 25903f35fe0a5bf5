// SPDX-License-Identifier: Apache-2.0

/** @file Where the functions of a build begin and end. */

#ifndef GRAFT_DIFF_LAYOUT_H
#define GRAFT_DIFF_LAYOUT_H

#include "diff/code/code.h"

/**
 * Fill graft_code::funcs from FDEs, symbols and the gaps between them.
 *
 * Instructions, references and groups are not known yet.
 *
 * @param[in,out] code Code with only its image set.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_layout_find(struct graft_code *code);

/** Count the bytes of padding at the start of @p len bytes of code. */
size_t
graft_layout_padding(const uint8_t *bytes, size_t len);

#endif /* GRAFT_DIFF_LAYOUT_H */
