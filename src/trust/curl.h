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

/** A proxy. All is borrowed for the call. */
struct graft_curl_proxy {
	/** "http://host:port", without a user's name; NULL: none, whatever the environment says. */
	const char *url;
	/** Hosts that are asked directly, with ',' between; NULL: none. */
	const char *except;
	/** Path of a file that nobody else may read: "name:password"; NULL: it asks for none. */
	const char *password_file;
};

/**
 * Say how servers are reached. Before this it is as the environment says, as libcurl reads it:
 * `http_proxy`, `https_proxy`, `no_proxy`.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT, #GRAFT_ERROR_NOT_PERMITTED, #GRAFT_ERROR_NOT_FOUND of the
 * file, of which nothing is said; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_curl_set_proxy(struct graft_curl *curl,
		     const struct graft_curl_proxy *proxy);

/** Get it as a fetcher, good until it is closed. */
struct graft_fetcher
graft_curl_fetcher(struct graft_curl *curl);

/** Close it. NULL is a no-op. */
void
graft_curl_close(struct graft_curl *curl);
GRAFT_DEFINE_CLEANUP(struct graft_curl, graft_curl_close)

#endif /* GRAFT_TRUST_CURL_H */
