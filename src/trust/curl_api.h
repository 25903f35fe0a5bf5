// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The functions of libcurl: linked, or loaded when they are needed, as the build chooses.
 * Inside trust/ only.
 */

#ifndef GRAFT_TRUST_CURL_API_H
#define GRAFT_TRUST_CURL_API_H

#include "base/error.h"

#include <curl/curl.h>

/** Those that are used. */
struct graft_curl_api {
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	CURLcode (*easy_setopt)(CURL *handle, CURLoption option, ...);
	CURLcode (*easy_perform)(CURL *handle);
	CURLcode (*easy_getinfo)(CURL *handle, CURLINFO info, ...);
	const char *(*easy_strerror)(CURLcode code);
	void (*easy_cleanup)(CURL *handle);
};

/**
 * Get them.
 *
 * @return NULL; #GRAFT_ERROR_LIBRARY if there is no libcurl here.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_curl_api_get(struct graft_curl_api *ret);

#endif /* GRAFT_TRUST_CURL_API_H */
