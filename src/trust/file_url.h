// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Files of `file:` URLs: repositories in a directory. Inside trust/ only.
 *
 * Not by libcurl, which waits without an end for who writes into a FIFO, and for which
 * a file that may not be read is one that is not there.
 */

#ifndef GRAFT_TRUST_FILE_URL_H
#define GRAFT_TRUST_FILE_URL_H

#include "base/error.h"
#include "trust/fetch.h"

#include <stdbool.h>

/** Ask whether a URL is of a file. */
bool
graft_file_url_is(const char *url);

/**
 * Get such a file.
 *
 * @return As #graft_fetch_fn; #GRAFT_ERROR_UNSUPPORTED if the URL is no path of this machine,
 * or nothing plain is there; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_file_url_fetch(const struct graft_fetch_request *request);

#endif /* GRAFT_TRUST_FILE_URL_H */
