// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A debug file from a debuginfod server. Private to this folder.
 *
 * libdebuginfod is loaded when it is asked: who sets no server does not pay for
 * its many libraries. It reads DEBUGINFOD_URLS and the other variables of its
 * manual by itself, and keeps what it got in its own cache.
 */

#ifndef GRAFT_ELF_DEBUGINFOD_H
#define GRAFT_ELF_DEBUGINFOD_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Ask the servers for the debug file of a build.
 *
 * @param[in] id Build-id; @p id_len its bytes.
 * @param[in] limit_us Longest time that this may take, in microseconds, give or
 * take the second in which libdebuginfod asks whether to go on.
 * @param[out] path_ret Where it lies in the cache; the caller frees it.
 * @param[out] bytes_ret Its contents; the caller frees them.
 * @param[out] len_ret How many.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND (no server has it); #GRAFT_ERROR_LIMIT
 * (no answer in time, or too large); #GRAFT_ERROR_LIBRARY (no library, no
 * server); #GRAFT_ERROR_OS; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_debuginfod_fetch(const uint8_t *id, size_t id_len, uint64_t limit_us,
		       char **path_ret, uint8_t **bytes_ret, size_t *len_ret);

#endif /* GRAFT_ELF_DEBUGINFOD_H */
