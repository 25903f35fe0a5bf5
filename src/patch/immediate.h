// SPDX-License-Identifier: Apache-2.0

/** @file Whether a hotpatch may be applied while threads stay in what it replaces. */

#ifndef GRAFT_PATCH_IMMEDIATE_H
#define GRAFT_PATCH_IMMEDIATE_H

#include "patch/patch.h"

/**
 * Say why a hotpatch may not be switched in while threads are in the function that
 * it replaces.
 *
 * @return NULL: it may. Else a sentence without a full stop, static or borrowed from
 * the hotpatch.
 */
const char *
graft_patch_not_immediate(const struct graft_patch *patch);

/** Take the answer back from all modules if they replace more than one function. */
void
graft_patch_limit_immediate(struct graft_patch *patch);

/** See that nothing is claimed for more than one function, or for a module that
 * brings variables: #GRAFT_ERROR_BAD_INPUT. */
GRAFT_MUST_CHECK struct graft_error *
graft_patch_check_immediate(const struct graft_patch *patch);

#endif /* GRAFT_PATCH_IMMEDIATE_H */
