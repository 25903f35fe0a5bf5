// SPDX-License-Identifier: Apache-2.0

#include "diff/match/align.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005U + 1442695040888963407U;
	return *state >> 33;
}

/** Align, check what always holds, and count the pairs. */
static size_t
align(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count)
{
	GRAFT_FREE struct graft_align_pair *pairs = NULL;
	size_t count = 0;
	struct graft_error *err = graft_align(a, a_count, b, b_count, &pairs,
					      &count);

	if (err)
		fail_msg("%s", graft_error_message(err));
	for (size_t i = 0; i < count; i++) {
		assert_true(pairs[i].a < a_count && pairs[i].b < b_count);
		assert_true(a[pairs[i].a] == b[pairs[i].b]);
		if (i == 0)
			continue;
		assert_true(pairs[i - 1].a < pairs[i].a);
		assert_true(pairs[i - 1].b < pairs[i].b);
	}
	return count;
}

static void
empty_sequences_have_no_pairs(void **state)
{
	const uint64_t some[] = { 1, 2 };

	(void)state;
	assert_int_equal(align(some, 0, some, 0), 0);
	assert_int_equal(align(some, 2, some, 0), 0);
	assert_int_equal(align(some, 0, some, 2), 0);
}

static void
equal_sequences_pair_wholly(void **state)
{
	const uint64_t some[] = { 5, 5, 1, 5, 2, 5 };

	(void)state;
	assert_int_equal(align(some, 6, some, 6), 6);
}

static void
what_was_inserted_and_removed_is_left_out(void **state)
{
	const uint64_t a[] = { 1, 2, 3, 4, 5, 6, 7 };
	const uint64_t b[] = { 1, 3, 4, 9, 9, 5, 7, 8 };

	(void)state;
	assert_int_equal(align(a, 7, b, 8), 5);
}

static void
pairs_ascend_and_are_equal_in_random_sequences(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (int round = 0; round < 300; round++) {
		uint64_t a[64];
		uint64_t b[64];
		size_t n = next_random(&seed) % 64;
		size_t m = next_random(&seed) % 64;
		uint64_t kinds = 1 + next_random(&seed) % 20;
		for (size_t i = 0; i < n; i++)
			a[i] = next_random(&seed) % kinds;
		for (size_t i = 0; i < m; i++)
			b[i] = next_random(&seed) % kinds;
		size_t count = align(a, n, b, m);
		assert_true(count <= n && count <= m);
	}
}

static double
seconds_to_align(size_t count)
{
	GRAFT_FREE uint64_t *a = calloc(count, sizeof(*a));
	GRAFT_FREE uint64_t *b = calloc(count, sizeof(*b));
	uint64_t seed = 7;
	struct timespec from;
	struct timespec to;

	assert_non_null(a);
	assert_non_null(b);
	for (size_t i = 0; i < count; i++) {
		a[i] = i % 3 ? i : next_random(&seed) % 50;
		b[i] = i % 1000 ? a[i] : ~i;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	size_t pairs = align(a, count, b, count);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	assert_true(pairs >= count - count / 1000 - 1);
	return (double)(to.tv_sec - from.tv_sec) +
	       (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static void
long_sequences_take_time_in_proportion(void **state)
{
	(void)state;
	double once = seconds_to_align(200000);
	double twice = seconds_to_align(400000);
	// Generous: machines that run tests are busy.
	assert_true(twice < 4 * once + 0.2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_sequences_have_no_pairs),
		cmocka_unit_test(equal_sequences_pair_wholly),
		cmocka_unit_test(what_was_inserted_and_removed_is_left_out),
		cmocka_unit_test(
			pairs_ascend_and_are_equal_in_random_sequences),
		cmocka_unit_test(long_sequences_take_time_in_proportion),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
