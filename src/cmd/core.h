// SPDX-License-Identifier: Apache-2.0

/** @file What a core dump tells of hotpatches. */

#ifndef GRAFT_CMD_CORE_H
#define GRAFT_CMD_CORE_H

#include "base/error.h"

#include <stdbool.h>

/**
 * Print the hotpatches that were in a process when it was dumped.
 *
 * @param[in] path The core dump.
 * @param[in] json Print JSON.
 * @param[out] status_ret Exit status: 0, also if there was none.
 * @return NULL, or what graft_core_open() returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_core_show(const char *path, bool json, int *status_ret);

#endif /* GRAFT_CMD_CORE_H */
