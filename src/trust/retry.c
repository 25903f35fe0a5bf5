// SPDX-License-Identifier: Apache-2.0

#include "trust/retry.h"

#include "base/clock.h"

#include <stdbool.h>
#include <sys/random.h>

enum {
	US_A_S = 1000 * 1000,
};

/** What came so far, over all tries. */
struct passing {
	const struct graft_fetch_request *request;
	uint64_t got;
	/** The sink said no: no other try would be better. */
	bool refused;
};

static struct graft_error *
pass(void *context, const void *bytes, size_t len)
{
	struct passing *passing = context;
	struct graft_error *err = passing->request->sink(
		passing->request->sink_context, bytes, len);

	passing->refused = err != NULL;
	passing->got += len;
	return err;
}

/** Choose a pause from half of a length on to all of it. */
static uint64_t
jitter(uint64_t us)
{
	uint64_t chance = 0;

	// Without chance it is merely less spread.
	(void)!getrandom(&chance, sizeof(chance), GRND_NONBLOCK);
	return us - (us > 1 ? chance % (us / 2) : 0);
}

static void
wait_for(const struct graft_retry *retry, uint64_t us)
{
	if (retry->sleep)
		retry->sleep(retry->sleep_context, us);
	else
		graft_clock_sleep_us(us);
}

/** Compute how long to wait. @return false: it is to be given up. */
static bool
choose_pause(const struct graft_retry *retry, unsigned int try,
	     uint32_t retry_after_s, uint64_t *ret)
{
	uint64_t us = retry->pause_us;

	for (unsigned int i = 1; i < try && us < retry->pause_max_us; i++)
		us *= 2;
	if (us > retry->pause_max_us)
		us = retry->pause_max_us;
	*ret = jitter(us);
	const uint64_t asked = (uint64_t)retry_after_s * US_A_S;
	if (asked > retry->pause_max_us)
		return false;
	if (asked > *ret)
		*ret = asked;
	return true;
}

static struct graft_error *
fetch(void *context, const struct graft_fetch_request *request)
{
	struct graft_retry *retry = context;
	struct passing passing = { .request = request };

	for (unsigned int try = 1;; try++) {
		uint32_t retry_after_s = 0;
		struct graft_fetch_request one = *request;
		one.offset += passing.got;
		one.sink = pass;
		one.sink_context = &passing;
		one.retry_after_s = &retry_after_s;
		struct graft_error *err =
			retry->inner.fetch(retry->inner.context, &one);
		uint64_t us;
		if (request->retry_after_s)
			*request->retry_after_s = retry_after_s;
		if (!err || passing.refused ||
		    graft_error_code(err) != GRAFT_ERROR_UNREACHABLE)
			return err;
		const bool short_enough = choose_pause(retry, try,
						       retry_after_s, &us);
		// It is given up: who comes back later does so after that.
		if ((!short_enough || try >= retry->tries) &&
		    retry_after_s > retry->asked_s)
			retry->asked_s = retry_after_s;
		if (short_enough && try >= retry->tries)
			return err;
		if (!short_enough)
			return graft_error_prefix(err,
						  "the server asks to come "
						  "back after %u s",
						  retry_after_s);
		graft_error_free(err);
		wait_for(retry, us);
	}
}

struct graft_fetcher
graft_retry_fetcher(struct graft_retry *retry)
{
	return (struct graft_fetcher){ .fetch = fetch, .context = retry };
}
