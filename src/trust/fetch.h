// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where bytes of a repository come from: a function, so that the client knows nothing
 * of the network, and tests can be the network.
 */

#ifndef GRAFT_TRUST_FETCH_H
#define GRAFT_TRUST_FETCH_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/** Takes bytes as they come. An error ends the transfer and is what it returns. */
typedef struct graft_error *(*graft_fetch_sink_fn)(void *context,
						   const void *bytes,
						   size_t len);

/** What to get, and its bounds. */
struct graft_fetch_request {
	const char *url;
	/**
	 * More than that is #GRAFT_ERROR_LIMIT, whatever a server announces. What stands
	 * before @ref offset counts, too.
	 */
	uint64_t max_bytes;
	/** The sink gets what stands from here on. */
	uint64_t offset;
	/** Milliseconds for all of it; what is slower is #GRAFT_ERROR_UNREACHABLE. */
	uint32_t max_ms;
	graft_fetch_sink_fn sink;
	void *sink_context;
	/**
	 * Gets after how many seconds the server wants to be asked again, if it failed
	 * and said so. NULL: nobody wants to know.
	 */
	uint32_t *retry_after_s;
};

/**
 * Get something.
 *
 * @param[in] context Of the fetcher.
 * @return NULL if all of it came; #GRAFT_ERROR_NOT_FOUND if the server says that there
 * is no such thing; #GRAFT_ERROR_UNREACHABLE; #GRAFT_ERROR_LIMIT; that of the sink. The
 * message does not name the URL.
 */
typedef struct graft_error *(*graft_fetch_fn)(
	void *context, const struct graft_fetch_request *request);

/** A way to get things. */
struct graft_fetcher {
	graft_fetch_fn fetch;
	void *context;
};

/**
 * Get something into memory.
 *
 * @param[in] max_bytes Most bytes; memory is taken as they come.
 * @param[out] bytes_ret New buffer that the caller frees; never NULL.
 * @param[out] len_ret Number of bytes.
 * @return As #graft_fetch_fn.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_fetch_whole(const struct graft_fetcher *fetcher, const char *url,
		  uint64_t max_bytes, uint8_t **bytes_ret, size_t *len_ret);

/** Get how long a transfer may take, in milliseconds: a minute, and 16 KiB a second. */
uint32_t
graft_fetch_ms(uint64_t length);

/** Make the error of a file that is longer than was asked for; for fetchers. */
GRAFT_MUST_CHECK struct graft_error *
graft_fetch_too_long(const struct graft_fetch_request *request);

#endif /* GRAFT_TRUST_FETCH_H */
