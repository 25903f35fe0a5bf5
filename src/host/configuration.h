// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Whether configuration was written since a moment. Maintainer scripts write some of which
 * dpkg(1) knows nothing, so whole folders are looked at.
 */

#ifndef GRAFT_HOST_CONFIGURATION_H
#define GRAFT_HOST_CONFIGURATION_H

#include "base/error.h"

#include <stdint.h>

/**
 * Find a file below a path that was written after a moment.
 *
 * @param[in] path A file or a folder, which need not be there. Links are looked at and not
 * followed, other file systems not entered. That a folder itself was written to, because
 * something was taken away, does not count.
 * @param[in] since_us Unix time in microseconds.
 * @param[out] ret New string that the caller frees; NULL: there is none. A folder that
 * cannot be looked through, or holds more than a few thousand files, is named itself.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_configuration_find_newer(const char *path, uint64_t since_us, char **ret);

/**
 * Find such a file among those that go by a name: /etc/NAME, /etc/NAME.conf, /etc/default/NAME
 * and what /etc adds to a unit of that name.
 *
 * @param[out] ret As graft_configuration_find_newer().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_configuration_find_newer_of(const char *name, uint64_t since_us,
				  char **ret);

#endif /* GRAFT_HOST_CONFIGURATION_H */
