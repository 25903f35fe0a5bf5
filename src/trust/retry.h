// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A fetcher that tries again, by way of another one.
 *
 * What a server cannot give now is asked for again: after as long as it says
 * (`Retry-After`), else after a time that doubles, of which up to a half is left to
 * chance, so that those who were cut off together do not come back together. What came already is
 * not asked for again (ranges).
 */

#ifndef GRAFT_TRUST_RETRY_H
#define GRAFT_TRUST_RETRY_H

#include "trust/fetch.h"

#include <stdint.h>

/** How it tries. */
struct graft_retry {
	struct graft_fetcher inner;
	/** How often in all, from 1 on. */
	unsigned int tries;
	/** First pause, in microseconds. */
	uint64_t pause_us;
	/** Longest pause; a server that wants a longer one is given up. */
	uint64_t pause_max_us;
	/** Gets for how long servers that were given up ask to be left alone, in seconds: the longest;
	 * 0: none asked. */
	uint32_t asked_s;
	/** Sleeps; NULL: clock.h does. */
	void (*sleep)(void *context, uint64_t us);
	void *sleep_context;
};

/** Get it as a fetcher. @param[in] retry Borrowed as long as that is used. */
struct graft_fetcher
graft_retry_fetcher(struct graft_retry *retry);

#endif /* GRAFT_TRUST_RETRY_H */
