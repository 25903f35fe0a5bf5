// SPDX-License-Identifier: Apache-2.0

/** @file A control file of a package (deb-control(5)). */

#ifndef GRAFT_PERSIST_CONTROL_H
#define GRAFT_PERSIST_CONTROL_H

#include "base/error.h"

/**
 * Get a field, its lines joined.
 *
 * @param[in] control Untrusted text.
 * @param[in] field Its name, without ":".
 * @param[out] ret New string that the caller frees; "" if there is no such field.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_control_take(const char *control, const char *field, char **ret);

#endif /* GRAFT_PERSIST_CONTROL_H */
