// SPDX-License-Identifier: Apache-2.0

#include "patch/difference.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "noise.h"
#include "patch/pack.h"
#include "patch/prefix.h"
#include "patch/steps.h"
#include "sample.h"

enum {
	LEN = 20000,
};

/** Make one, as programs did that wrote format 5 and 6. */
static void
make(const uint8_t *old, size_t old_len, const uint8_t *new, size_t new_len,
     uint8_t **ret, size_t *len_ret)
{
	GRAFT_CLEANUP(graft_steps_deinit) struct graft_steps steps = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text added = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text fresh = { 0 };
	char *bytes;

	sample_ok(graft_steps_find(old, old_len, new, new_len, &steps));
	graft_pack_put(&out, steps.count);
	for (size_t i = 0; i < steps.count; i++) {
		const struct graft_step *step = &steps.items[i];
		const int64_t end = step->old_at + step->copy;
		graft_pack_put(&out, (uint64_t)step->copy);
		graft_pack_put(&out, (uint64_t)step->fresh);
		graft_pack_put_signed(
			&out, i + 1 < steps.count ? step[1].old_at - end : 0);
		for (int64_t k = 0; k < step->copy; k++) {
			uint8_t byte = (uint8_t)(new[step->new_at + k] -
						 old[step->old_at + k]);
			graft_text_put_bytes(&added, &byte, 1);
		}
		graft_text_put_bytes(&fresh, new + step->new_at + step->copy,
				     (size_t)step->fresh);
	}
	graft_text_put_bytes(&out, graft_text_str(&added), added.len);
	graft_text_put_bytes(&out, graft_text_str(&fresh), fresh.len);
	*len_ret = out.len;
	sample_ok(graft_text_take(&out, &bytes));
	*ret = (uint8_t *)bytes;
}

/** What is made of two files gives the new one again; its length. */
static size_t
must_give(const uint8_t *old, size_t old_len, const uint8_t *new,
	  size_t new_len)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	GRAFT_FREE uint8_t *back = NULL;
	size_t len;

	make(old, old_len, new, new_len, &bytes, &len);
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

	noise_fill(old, LEN, 1);
	for (int round = 0; round < 300; round++) {
		size_t old_len = noise_next(&seed) % LEN;
		size_t new_len = 0;
		// Pieces of the old one, altered here and there, and others.
		while (new_len < LEN - 2000 && noise_next(&seed) % 12) {
			size_t len = noise_next(&seed) % 2000;
			size_t from = old_len ? noise_next(&seed) % old_len : 0;
			if (len > old_len - from)
				len = old_len - from;
			if (noise_next(&seed) % 5 == 0)
				noise_fill(new + new_len, len,
					   noise_next(&seed));
			else if (noise_next(&seed) % 7 == 0)
				memset(new + new_len, 0, len);
			else
				memcpy(new + new_len, old + from, len);
			for (size_t i = 0; i < len;
			     i += 1 + noise_next(&seed) % 90)
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
	noise_fill(old, LEN, 1);
	noise_fill(new, 64, 2);
	memcpy(new + 64, old, LEN - 64);
	for (size_t i = 64; i + 4 < LEN; i += 16) {
		uint32_t value;
		memcpy(&value, new + i, sizeof(value));
		value -= 64;
		memcpy(new + i, &value, sizeof(value));
	}
	make(old, LEN, new, LEN, &bytes, &len);
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

	noise_fill(old, SMALL, 1);
	memcpy(new, old + 100, SMALL - 100);
	noise_fill(new + 200, 50, 3);
	make(old, SMALL, new, SMALL, &bytes, &len);
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
