// SPDX-License-Identifier: Apache-2.0

// A fetcher that tries again: how often, after which pauses, from where on.

#include "base/cleanup.h"
#include "trust/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
	SECOND = 1000 * 1000,
	PAUSES_MAX = 16,
};

static const char content[] = "0123456789";

/** A server that gives some bytes and then fails, so often. */
struct server {
	unsigned int failures;
	size_t piece;
	uint32_t retry_after_s;
	enum graft_error_code code;
	unsigned int asked;
	uint64_t offsets[PAUSES_MAX];
	uint64_t pauses[PAUSES_MAX];
	size_t pause_count;
	char got[64];
	size_t got_len;
};

static struct graft_error *
fetch(void *context, const struct graft_fetch_request *request)
{
	struct server *server = context;
	const char *at = content + request->offset;

	server->offsets[server->asked++] = request->offset;
	if (server->asked > server->failures)
		return request->sink(request->sink_context, at, strlen(at));
	struct graft_error *err = request->sink(request->sink_context, at,
						server->piece);
	if (err)
		return err;
	if (request->retry_after_s)
		*request->retry_after_s = server->retry_after_s;
	return graft_error_new(server->code, "it fails");
}

static struct graft_error *
sink(void *context, const void *bytes, size_t len)
{
	struct server *server = context;

	memcpy(server->got + server->got_len, bytes, len);
	server->got_len += len;
	return NULL;
}

static void
sleep_for(void *context, uint64_t us)
{
	struct server *server = context;

	server->pauses[server->pause_count++] = us;
}

static struct graft_error *
run_asked(struct server *server, uint32_t *asked_s_ret)
{
	struct graft_retry retry = {
		.inner = { fetch, server },
		.tries = 5,
		.pause_us = SECOND,
		.pause_max_us = 60 * (uint64_t)SECOND,
		.sleep = sleep_for,
		.sleep_context = server,
	};
	const struct graft_fetcher fetcher = graft_retry_fetcher(&retry);
	const struct graft_fetch_request request = {
		.url = "x",
		.max_bytes = sizeof(content),
		.sink = sink,
		.sink_context = server,
	};

	struct graft_error *err = fetcher.fetch(fetcher.context, &request);
	*asked_s_ret = retry.asked_s;
	return err;
}

static struct graft_error *
run(struct server *server)
{
	uint32_t asked_s;

	return run_asked(server, &asked_s);
}

static void
it_goes_on_where_it_was_cut_off(void **state)
{
	struct server server = { .failures = 3,
				 .piece = 2,
				 .code = GRAFT_ERROR_UNREACHABLE };

	(void)state;
	assert_null(run(&server));
	server.got[server.got_len] = '\0';
	assert_string_equal(server.got, content);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(server.offsets[i], 2 * i);
}

static void
pauses_double_and_are_left_to_chance(void **state)
{
	bool differ = false;

	(void)state;
	uint64_t first = 0;
	for (int turn = 0; turn < 20; turn++) {
		struct server server = { .failures = 4,
					 .code = GRAFT_ERROR_UNREACHABLE };
		assert_null(run(&server));
		assert_int_equal(server.pause_count, 4);
		for (size_t i = 0; i < 4; i++)
			assert_in_range(server.pauses[i], (SECOND << i) / 2,
					SECOND << i);
		differ |= turn && server.pauses[0] != first;
		first = server.pauses[0];
	}
	assert_true(differ);
}

static void
what_the_server_asks_for_is_obeyed(void **state)
{
	struct server server = { .failures = 1,
				 .retry_after_s = 30,
				 .code = GRAFT_ERROR_UNREACHABLE };
	struct server closed = { .failures = 9,
				 .retry_after_s = 61,
				 .code = GRAFT_ERROR_UNREACHABLE };

	uint32_t asked_s;

	(void)state;
	assert_null(run_asked(&server, &asked_s));
	assert_int_equal(server.pauses[0], 30 * (uint64_t)SECOND);
	// It was done as it was asked for.
	assert_int_equal(asked_s, 0);
	struct graft_error *err = run_asked(&closed, &asked_s);
	assert_int_equal(asked_s, 61);
	// Nor is it forgotten what it asked for when it was asked for the last time.
	struct server busy = { .failures = 9,
			       .retry_after_s = 30,
			       .code = GRAFT_ERROR_UNREACHABLE };
	graft_error_free(err);
	err = run_asked(&busy, &asked_s);
	assert_int_equal(busy.asked, 5);
	assert_int_equal(asked_s, 30);
	graft_error_free(err);
	err = run_asked(&closed, &asked_s);
	assert_non_null(err);
	assert_non_null(strstr(graft_error_message(err), "61 s"));
	assert_int_equal(closed.asked, 2);
	assert_int_equal(closed.pause_count, 0);
	graft_error_free(err);
}

static void
it_ends(void **state)
{
	struct server server = { .failures = 9,
				 .code = GRAFT_ERROR_UNREACHABLE };
	struct server absent = { .failures = 9, .code = GRAFT_ERROR_NOT_FOUND };

	(void)state;
	struct graft_error *err = run(&server);
	assert_non_null(err);
	assert_int_equal(server.asked, 5);
	graft_error_free(err);
	// What is not there is not asked for again.
	err = run(&absent);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_NOT_FOUND);
	assert_int_equal(absent.asked, 1);
	graft_error_free(err);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_goes_on_where_it_was_cut_off),
		cmocka_unit_test(pauses_double_and_are_left_to_chance),
		cmocka_unit_test(what_the_server_asks_for_is_obeyed),
		cmocka_unit_test(it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
