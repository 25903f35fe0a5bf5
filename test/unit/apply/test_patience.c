// SPDX-License-Identifier: Apache-2.0

#include "apply/patience.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	MS = 1000,
	S = 1000 * 1000,
	/** What a stop takes. */
	STOP_US = 300,
};

static void
nobody_with_a_timeout_is_tried_soon_and_then_every_50_ms(void **state)
{
	static const uint64_t want_ms[] = { 1, 2, 4, 8, 16, 32, 50, 50, 50 };
	const struct graft_timeouts none = { 0 };
	struct graft_patience patience;

	(void)state;
	graft_patience_begin(&patience, 1, 0, 10 * (uint64_t)S);
	uint64_t now = patience.start_us;
	for (size_t i = 0; i < sizeof(want_ms) / sizeof(*want_ms); i++) {
		uint64_t us = graft_patience_delay(&patience, now, &none);
		assert_int_equal(us, want_ms[i] * MS);
		graft_patience_note(&patience, now, now + us, &none);
		now += us;
	}
	// The last try is at the deadline.
	assert_int_equal(graft_patience_delay(&patience,
					      patience.deadline_us - 7, &none),
			 7);
}

/**
 * Threads that wait each their timeout, all over again, while a process is tried for two
 * minutes. @return How many tries there were.
 */
static size_t
run_timers(const uint64_t *timeouts_us, size_t count)
{
	struct graft_timeouts timeouts = { 0 };
	struct graft_patience patience;
	uint64_t since[4];
	size_t tries = 0;
	size_t fired[4] = { 0 };

	graft_patience_begin(&patience, 1, 0, 120 * (uint64_t)S);
	uint64_t now = patience.start_us;
	for (size_t i = 0; i < count; i++) {
		graft_timeouts_add(&timeouts, timeouts_us[i]);
		since[i] = now;
	}
	while (now < patience.deadline_us) {
		uint64_t us = graft_patience_delay(&patience, now, &timeouts);
		uint64_t end = now + us;
		for (size_t i = 0; i < count; i++) {
			uint64_t len = timeouts_us[i];
			// Each stop before made it begin anew.
			if (now + len > end)
				continue;
			uint64_t took = now + len - since[i];
			// It may have waited nearly its time in a rest already.
			uint64_t most = (count > 1 ? 2 : 1) * len;
			assert_in_range(took, len,
					most + len / 3 + 200 * (uint64_t)MS);
			fired[i] += 1 + (us - len) / len;
			since[i] = now + us / len * len;
		}
		graft_patience_note(&patience, now, end, &timeouts);
		now = end + STOP_US;
		tries++;
	}
	for (size_t i = 0; i < count; i++) {
		print_message("%zu: %lu us ran out %zu times in %zu tries\n", i,
			      (unsigned long)timeouts_us[i], fired[i], tries);
		assert_true(fired[i] * timeouts_us[i] > 120 * (uint64_t)S / 3);
	}
	return tries;
}

static void
timers_go_on_while_a_process_is_tried(void **state)
{
	static const uint64_t lone[][1] = {
		{ 10 * MS }, { 60 * MS }, { 100 * MS }, { 200 * MS },
		{ 1 * S },   { 3 * S },   { 20 * S },
	};
	static const uint64_t mixed[] = { 100 * MS, 1 * S, 10 * S, 120 * MS };

	(void)state;
	for (size_t i = 0; i < sizeof(lone) / sizeof(*lone); i++) {
		// And it is tried often enough to find the way free one day.
		assert_true(run_timers(lone[i], 1) > 120 * 2);
	}
	assert_true(run_timers(mixed, 4) > 120);
}

static void
one_that_is_longer_than_the_time_that_is_left_is_not_waited_for(void **state)
{
	struct graft_timeouts timeouts = { 0 };
	struct graft_patience patience;

	(void)state;
	graft_timeouts_add(&timeouts, 60 * (uint64_t)S);
	graft_patience_begin(&patience, 1, 0, 50 * (uint64_t)S);
	patience.delay_us = 50 * MS;
	assert_int_equal(graft_patience_delay(&patience,
					      patience.start_us + 20 * S,
					      &timeouts),
			 50 * MS);
}

static void
timeouts_are_kept_by_their_size(void **state)
{
	struct graft_timeouts timeouts = { 0 };

	(void)state;
	graft_timeouts_add(&timeouts, 0);
	graft_timeouts_add(&timeouts, 3601 * (uint64_t)S);
	for (int k = 0; k < GRAFT_TIMEOUTS_CLASSES; k++)
		assert_int_equal(timeouts.us[k], 0);
	graft_timeouts_add(&timeouts, 1);
	graft_timeouts_add(&timeouts, 1024);
	graft_timeouts_add(&timeouts, 2047);
	graft_timeouts_add(&timeouts, 1500);
	graft_timeouts_add(&timeouts, 3600 * (uint64_t)S);
	assert_int_equal(timeouts.us[0], 1);
	assert_int_equal(timeouts.us[10], 2047);
	assert_int_equal(timeouts.us[31], 3600 * (uint64_t)S);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			nobody_with_a_timeout_is_tried_soon_and_then_every_50_ms),
		cmocka_unit_test(timers_go_on_while_a_process_is_tried),
		cmocka_unit_test(
			one_that_is_longer_than_the_time_that_is_left_is_not_waited_for),
		cmocka_unit_test(timeouts_are_kept_by_their_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
