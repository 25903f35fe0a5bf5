// SPDX-License-Identifier: Apache-2.0

#include "patch/difference.h"

#include "base/cleanup.h"
#include "patch/prefix.h"
#include "sample.h"

enum {
	LEN = 20000,
};

static uint64_t
next(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * 0x2545f4914f6cdd1dU;
}

static void
fill(uint8_t *bytes, size_t len, uint64_t seed)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(next(&seed) >> 56);
}

/** What is made of two files gives the new one again; its length. */
static size_t
must_give(const uint8_t *old, size_t old_len, const uint8_t *new,
	  size_t new_len)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	GRAFT_FREE uint8_t *back = NULL;
	size_t len;

	sample_ok(graft_difference_make(old, old_len, new, new_len, &bytes,
					&len));
	sample_ok(graft_difference_apply(bytes, len, old, old_len, new_len,
					 &back));
	assert_memory_equal(back, new, new_len);
	return len;
}

static void
whatever_two_files_are_the_new_one_comes_back(void **state)
{
	(void)state;
	static uint8_t old[LEN];
	static uint8_t new[LEN];
	uint64_t seed = 7;

	fill(old, LEN, 1);
	for (int round = 0; round < 300; round++) {
		size_t old_len = next(&seed) % LEN;
		size_t new_len = 0;
		// Pieces of the old one, altered here and there, and others.
		while (new_len < LEN - 2000 && next(&seed) % 12) {
			size_t len = next(&seed) % 2000;
			size_t from = old_len ? next(&seed) % old_len : 0;
			if (len > old_len - from)
				len = old_len - from;
			if (next(&seed) % 5 == 0)
				fill(new + new_len, len, next(&seed));
			else if (next(&seed) % 7 == 0)
				memset(new + new_len, 0, len);
			else
				memcpy(new + new_len, old + from, len);
			for (size_t i = 0; i < len; i += 1 + next(&seed) % 90)
				new[new_len + i]++;
			new_len += len;
		}
		(void)must_give(old, old_len, new, new_len);
	}
	(void)must_give(old, 0, new, 0);
	(void)must_give(old, 0, new, 100);
	(void)must_give(old, 3, new, 3);
}

static void
code_that_moved_is_mostly_zeroes_and_few_numbers(void **state)
{
	(void)state;
	static uint8_t old[LEN];
	static uint8_t new[LEN];
	GRAFT_FREE uint8_t *bytes = NULL;
	GRAFT_FREE uint8_t *frame = NULL;
	GRAFT_FREE uint8_t *plain = NULL;
	size_t len;
	size_t frame_len;
	size_t plain_len;

	// A displacement every sixteen bytes, each 64 less, behind 64 new bytes.
	fill(old, LEN, 1);
	fill(new, 64, 2);
	memcpy(new + 64, old, LEN - 64);
	for (size_t i = 64; i + 4 < LEN; i += 16) {
		uint32_t value;
		memcpy(&value, new + i, sizeof(value));
		value -= 64;
		memcpy(new + i, &value, sizeof(value));
	}
	sample_ok(graft_difference_make(old, LEN, new, LEN, &bytes, &len));
	sample_ok(graft_prefix_compress(bytes, len, old, LEN, &frame,
					&frame_len));
	sample_ok(
		graft_prefix_compress(new, LEN, old, LEN, &plain, &plain_len));
	assert_true(frame_len * 3 < plain_len);
}

static void
every_cut_and_every_flipped_bit_is_bounded(void **state)
{
	(void)state;
	enum { SMALL = 600 };
	static uint8_t old[SMALL];
	static uint8_t new[SMALL];
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	fill(old, SMALL, 1);
	memcpy(new, old + 100, SMALL - 100);
	fill(new + 200, 50, 3);
	sample_ok(graft_difference_make(old, SMALL, new, SMALL, &bytes, &len));
	for (size_t i = 0; i < len; i++) {
		// Exactly as long as it is, so that a sanitizer sees what reaches out.
		GRAFT_FREE uint8_t *cut = malloc(i + !i);
		GRAFT_FREE uint8_t *back = NULL;
		assert_non_null(cut);
		memcpy(cut, bytes, i);
		sample_refused(graft_difference_apply(cut, i, old, SMALL, SMALL,
						      &back),
			       GRAFT_ERROR_BAD_INPUT, "difference");
	}
	for (size_t i = 0; i < 8 * len; i += sample_bit_step()) {
		GRAFT_FREE uint8_t *back = NULL;
		bytes[i / 8] = (uint8_t)(bytes[i / 8] ^ 1 << i % 8);
		struct graft_error *err = graft_difference_apply(
			bytes, len, old, SMALL, SMALL, &back);
		assert_true(!err == !!back);
		graft_error_free(err);
		bytes[i / 8] = (uint8_t)(bytes[i / 8] ^ 1 << i % 8);
	}
}

static void
steps_that_lead_out_of_the_old_file_are_refused(void **state)
{
	(void)state;
	// count, copied, new, where to go on (zigzag).
	static const uint8_t table[][8] = {
		{ 1, 5, 0, 0, 'a', 'a', 'a', 'a' },
		{ 1, 4, 1, 0, 'a', 'a', 'a', 'a' },
		{ 1, 4, 0, 2, 'a', 'a', 'a', 'a' },
		{ 1, 4, 0, 9, 'a', 'a', 'a', 'a' },
		{ 1, 3, 0, 0, 'a', 'a', 'a', 'a' },
		{ 200, 4, 0, 0, 'a', 'a', 'a', 'a' },
	};
	static const uint8_t good[] = { 1, 4, 0, 7, 'a', 'a', 'a', 'a' };
	static const uint8_t old[4] = { 0 };
	uint8_t *back = NULL;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		sample_refused(
			graft_difference_apply(table[i], 8, old, 4, 4, &back),
			GRAFT_ERROR_BAD_INPUT, "difference");
	sample_ok(graft_difference_apply(good, 8, old, 4, 4, &back));
	assert_memory_equal(back, "aaaa", 4);
	free(back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_two_files_are_the_new_one_comes_back),
		cmocka_unit_test(
			code_that_moved_is_mostly_zeroes_and_few_numbers),
		cmocka_unit_test(every_cut_and_every_flipped_bit_is_bounded),
		cmocka_unit_test(
			steps_that_lead_out_of_the_old_file_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
