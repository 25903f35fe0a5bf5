// SPDX-License-Identifier: Apache-2.0

#include "proc/scan.h"

#include "proc/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/** Which ranges were named. */
struct named {
	unsigned bits;
	size_t count;
};

static void
name_range(void *arg, size_t range)
{
	struct named *named = arg;
	named->bits |= 1U << range;
	named->count++;
}

static unsigned
find(const struct graft_scan *scan, uint64_t word, bool exact)
{
	struct named named = { 0 };
	graft_scan_find(scan, word, exact, name_range, &named);
	assert_int_equal(named.count, __builtin_popcount(named.bits));
	return named.bits;
}

static struct graft_scan *
scan_of(const struct graft_range *ranges, size_t count)
{
	struct graft_scan *scan = NULL;
	struct graft_error *err = graft_scan_new(ranges, count, &scan);
	assert_null(err);
	return scan;
}

static void
return_addresses_may_equal_the_end_and_not_the_start(void **state)
{
	(void)state;
	const struct graft_range range = { 100, 200 };
	GRAFT_CLEANUP(graft_scan_freep)
	struct graft_scan *scan = scan_of(&range, 1);
	assert_int_equal(find(scan, 100, false), 0);
	assert_int_equal(find(scan, 101, false), 1);
	assert_int_equal(find(scan, 200, false), 1);
	assert_int_equal(find(scan, 201, false), 0);
	assert_int_equal(find(scan, 0, false), 0);
	assert_int_equal(find(scan, UINT64_MAX, false), 0);
}

static void
exact_addresses_may_equal_the_start_and_not_the_end(void **state)
{
	(void)state;
	const struct graft_range range = { 100, 200 };
	GRAFT_CLEANUP(graft_scan_freep)
	struct graft_scan *scan = scan_of(&range, 1);
	assert_int_equal(find(scan, 99, true), 0);
	assert_int_equal(find(scan, 100, true), 1);
	assert_int_equal(find(scan, 199, true), 1);
	assert_int_equal(find(scan, 200, true), 0);
}

static void
each_word_agrees_with_a_search_of_all_ranges(void **state)
{
	(void)state;
	// Unsorted, nested, overlapping, touching, equal, empty, turned round.
	const struct graft_range ranges[] = {
		{ 50, 60 },  { 10, 100 },  { 20, 30 },   { 25, 40 },
		{ 90, 120 }, { 120, 130 }, { 130, 130 }, { 140, 135 },
		{ 50, 60 },  { 0, 3 },     { 200, 210 },
	};
	size_t count = sizeof(ranges) / sizeof(ranges[0]);
	GRAFT_CLEANUP(graft_scan_freep)
	struct graft_scan *scan = scan_of(ranges, count);
	for (uint64_t word = 0; word < 250; word++) {
		unsigned exact = 0;
		unsigned returned = 0;
		for (size_t i = 0; i < count; i++) {
			if (ranges[i].start <= word && word < ranges[i].end)
				exact |= 1U << i;
			if (ranges[i].start < word && word <= ranges[i].end)
				returned |= 1U << i;
		}
		assert_int_equal(find(scan, word, true), exact);
		assert_int_equal(find(scan, word, false), returned);
	}
}

/** Words that were to be looked at. */
struct seen {
	size_t offs[16];
	size_t count;
};

static void
see(void *arg, size_t off, uint64_t word)
{
	struct seen *seen = arg;
	(void)word;
	if (seen->count < 16)
		seen->offs[seen->count] = off;
	seen->count++;
}

static void
words_of_any_alignment_are_seen_in_steps_of_eight(void **state)
{
	(void)state;
	const struct graft_range ranges[] = { { 1000, 1100 }, { 5000, 5001 } };
	GRAFT_CLEANUP(graft_scan_freep)
	struct graft_scan *scan = scan_of(ranges, 2);
	const uint64_t words[] = { 0,    999,  1001, 0x002b000000000033,
				   5001, 5002, 51,   UINT64_MAX,
				   1050 };
	uint8_t bytes[sizeof(words) + 8];
	for (size_t shift = 0; shift < 8; shift++) {
		struct seen seen = { .count = 0 };
		memcpy(bytes + shift, words, sizeof(words));
		// The last word is cut short.
		graft_scan_words(scan, bytes + shift, sizeof(words) - 1, see,
				 &seen);
		assert_int_equal(seen.count, 3);
		assert_int_equal(seen.offs[0], 16);
		assert_int_equal(seen.offs[1], 24);
		assert_int_equal(seen.offs[2], 32);
	}
}

static void
no_ranges_match_nothing(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_scan_freep)
	struct graft_scan *scan = scan_of(NULL, 0);
	const uint64_t words[] = { 0, 1, UINT64_MAX - 1 };
	struct seen seen = { .count = 0 };
	graft_scan_words(scan, (const uint8_t *)words, sizeof(words), see,
			 &seen);
	assert_int_equal(seen.count, 0);
	assert_int_equal(find(scan, UINT64_MAX, false), 0);
}

static void
only_segment_registers_of_user_mode_look_like_a_frame(void **state)
{
	(void)state;
	assert_true(graft_scan_is_frame(0x002b000000000033));
	assert_false(graft_scan_is_frame(0x33));
	assert_false(graft_scan_is_frame(0x002b000000000023));
	assert_false(graft_scan_is_frame(0x002b000000010033));
	assert_false(graft_scan_is_frame(0x0010000000000033));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			return_addresses_may_equal_the_end_and_not_the_start),
		cmocka_unit_test(
			exact_addresses_may_equal_the_start_and_not_the_end),
		cmocka_unit_test(each_word_agrees_with_a_search_of_all_ranges),
		cmocka_unit_test(
			words_of_any_alignment_are_seen_in_steps_of_eight),
		cmocka_unit_test(no_ranges_match_nothing),
		cmocka_unit_test(
			only_segment_registers_of_user_mode_look_like_a_frame),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
