// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A fetcher by libcurl of `http:` and `https:` URLs; `file:` is read here.
 *
 * A server can neither keep us (silence, a trickle, a redirect without an end) nor fill us
 * (data without an end), nor send us to another kind of URL: from `https:` a redirect leads to
 * `https:` only, and none to a file. Not linked into programs that do not fetch.
 */

#ifndef GRAFT_TRUST_CURL_H
#define GRAFT_TRUST_CURL_H

#include "base/cleanup.h"
#include "base/error.h"
#include "trust/fetch.h"

#include <stdint.h>

/** Connections to servers. Of one thread. */
struct graft_curl;

/**
 * Open a fetcher. The first call of a process is made before it has threads.
 *
 * @param[in] timeout_s Seconds: for a connection, and how long a transfer may stay
 * below 1 KiB a second. From 1 on.
 * @param[out] ret New fetcher; graft_curl_close().
 * @return NULL; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_curl_open(uint32_t timeout_s, struct graft_curl **ret);

/** Get it as a fetcher, good until it is closed. */
struct graft_fetcher
graft_curl_fetcher(struct graft_curl *curl);

/** Close it. NULL is a no-op. */
void
graft_curl_close(struct graft_curl *curl);
GRAFT_DEFINE_CLEANUP(struct graft_curl, graft_curl_close)

#endif /* GRAFT_TRUST_CURL_H */
