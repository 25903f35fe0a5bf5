// SPDX-License-Identifier: Apache-2.0

#include "trust/fetch.h"

#include "base/cleanup.h"
#include "base/vec.h"

#include <string.h>

enum {
	/** What each transfer may take, and what each KiB adds to it. */
	BASE_MS = 60 * 1000,
	MS_A_KIB = 64,
	/** For metadata: 64 MiB in that time is no fast network. */
	WHOLE_MAX_MS = 300 * 1000,
};

struct collected {
	uint8_t *bytes;
	size_t len;
	size_t cap;
};

static void
collected_deinit(struct collected *collected)
{
	free(collected->bytes);
}

static struct graft_error *
collect(void *context, const void *bytes, size_t len)
{
	struct collected *to = context;
	struct graft_error *err = graft_vec_reserve(&to->bytes, &to->cap,
						    to->len + len + 1, 1);
	if (err)
		return err;
	if (len)
		memcpy(to->bytes + to->len, bytes, len);
	to->len += len;
	return NULL;
}

struct graft_error *
graft_fetch_whole(const struct graft_fetcher *fetcher, const char *url,
		  uint64_t max_bytes, uint8_t **bytes_ret, size_t *len_ret)
{
	GRAFT_CLEANUP(collected_deinit) struct collected collected = { 0 };
	const struct graft_fetch_request request = {
		.url = url,
		.max_bytes = max_bytes,
		.max_ms = WHOLE_MAX_MS,
		.sink = collect,
		.sink_context = &collected,
	};

	// So that there is a buffer also if nothing comes.
	struct graft_error *err = collect(&collected, NULL, 0);
	if (!err)
		err = fetcher->fetch(fetcher->context, &request);
	if (err)
		return err;
	*len_ret = collected.len;
	*bytes_ret = GRAFT_TAKE(collected.bytes);
	return NULL;
}

uint32_t
graft_fetch_ms(uint64_t length)
{
	const uint64_t ms = BASE_MS + length / 1024 * MS_A_KIB;

	return ms < INT32_MAX ? (uint32_t)ms : INT32_MAX;
}

struct graft_error *
graft_fetch_too_long(const struct graft_fetch_request *request)
{
	return graft_error_new(GRAFT_ERROR_LIMIT,
			       "it is longer than the %llu bytes that are "
			       "accepted",
			       (unsigned long long)request->max_bytes);
}
