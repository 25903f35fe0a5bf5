// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Hotpatches that are kept in the state directory, as HOTPATCHES/ID.graft: `graft revert`,
 * `show` and others take them, and graftd applies them to whoever runs the same old file.
 * Beside one that it may not, because somebody other than root chose its code, lies ID.here.
 */

#ifndef GRAFT_CMD_KEEP_H
#define GRAFT_CMD_KEEP_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/**
 * Keep a hotpatch. One that is kept for all stays so: the same id is the same code.
 *
 * @param[in] for_all graftd may apply it to others.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_keep_put(const char *id, const void *bytes, size_t len, bool for_all);

/** Keep a hotpatch no longer. That there is none is no error. */
GRAFT_MUST_CHECK struct graft_error *
graft_keep_drop(const char *id);

#endif /* GRAFT_CMD_KEEP_H */
