// SPDX-License-Identifier: Apache-2.0

#include "patch/member.h"

#include "patch/limits.h"
#include "sample.h"

#include <zstd.h>

enum { SIZE = 4000 };

/** Something that compresses. */
static uint8_t *
make_elf(void)
{
	uint8_t *elf = sample_alloc(1, SIZE);
	for (size_t i = 0; i < SIZE; i++)
		elf[i] = (uint8_t)(i / 9 * i % 31);
	return elf;
}

static void
what_is_packed_unpacks(void **state)
{
	(void)state;
	const struct graft_patch_module none = { 0 };
	GRAFT_FREE uint8_t *elf = make_elf();
	GRAFT_FREE uint8_t *again = NULL;
	struct graft_member member;

	sample_ok(graft_member_pack(&none, make_elf(), SIZE, &member));
	assert_true(member.zstd);
	assert_true(member.len < SIZE);
	sample_ok(graft_member_unpack(member.bytes, member.len, SIZE, &again));
	assert_memory_equal(again, elf, SIZE);
	free(member.bytes);
}

static void
what_does_not_shrink_is_plain(void **state)
{
	(void)state;
	const struct graft_patch_module none = { 0 };
	uint64_t seed = 7;
	uint8_t *noise = sample_alloc(1, SIZE);
	struct graft_member member;

	for (size_t i = 0; i < SIZE; i++)
		noise[i] = (uint8_t)sample_next(&seed);
	sample_ok(graft_member_pack(&none, noise, SIZE, &member));
	assert_false(member.zstd);
	assert_ptr_equal(member.bytes, noise);
	free(member.bytes);
}

static void
what_would_look_like_a_bomb_is_plain(void **state)
{
	(void)state;
	const struct graft_patch_module none = { 0 };
	const size_t size = (size_t)8 << 20;
	struct graft_member member;

	sample_ok(
		graft_member_pack(&none, sample_alloc(1, size), size, &member));
	assert_false(member.zstd);
	free(member.bytes);
}

static void
a_module_keeps_the_frame_it_came_in(void **state)
{
	(void)state;
	GRAFT_FREE uint8_t *elf = make_elf();
	uint8_t other[SIZE];
	// Another level stands for another version of libzstd.
	size_t len = ZSTD_compress(other, sizeof(other), elf, SIZE, 1);
	assert_false(ZSTD_isError(len));
	struct graft_patch_module m = { .packed = other,
					.packed_len = len,
					.packed_zstd = true };
	struct graft_member member;

	sample_ok(graft_member_pack(&m, make_elf(), SIZE, &member));
	assert_int_equal(member.len, len);
	assert_memory_equal(member.bytes, other, len);
	free(member.bytes);

	// It was changed since: packed anew.
	uint8_t *changed = make_elf();
	changed[99] ^= 1;
	GRAFT_FREE uint8_t *again = NULL;
	sample_ok(graft_member_pack(&m, changed, SIZE, &member));
	sample_ok(graft_member_unpack(member.bytes, member.len, SIZE, &again));
	assert_int_equal(again[99], elf[99] ^ 1);
	free(member.bytes);
}

static void
a_bomb_is_refused(void **state)
{
	(void)state;
	const size_t size = (size_t)64 << 20;
	GRAFT_FREE uint8_t *zeroes = sample_alloc(1, size);
	GRAFT_FREE uint8_t *bomb = sample_alloc(1, 1 << 20);
	uint8_t *ret = NULL;
	size_t len = ZSTD_compress(bomb, 1 << 20, zeroes, size, 19);

	assert_false(ZSTD_isError(len));
	sample_refused(graft_member_unpack(bomb, len, size, &ret),
		       GRAFT_ERROR_LIMIT, "decompress to");
	// The manifest says less than the frame.
	sample_refused(graft_member_unpack(bomb, len, 4096, &ret),
		       GRAFT_ERROR_BAD_INPUT, "4096");
	assert_null(ret);
}

static void
a_frame_that_lies_is_refused(void **state)
{
	(void)state;
	GRAFT_FREE uint8_t *elf = make_elf();
	uint8_t frame[2 * SIZE];
	uint8_t *ret = NULL;
	size_t len = ZSTD_compress(frame, sizeof(frame), elf, SIZE, 19);
	static const uint8_t skippable[] = {
		0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0
	};

	assert_false(ZSTD_isError(len));
	for (size_t cut = 0; cut < len; cut++)
		sample_refused(graft_member_unpack(frame, cut, SIZE, &ret),
			       GRAFT_ERROR_BAD_INPUT, NULL);
	sample_refused(graft_member_unpack(frame, len, SIZE - 1, &ret),
		       GRAFT_ERROR_BAD_INPUT, NULL);
	// A second frame behind it, that decompresses to nothing.
	memcpy(frame + len, skippable, sizeof(skippable));
	sample_refused(
		graft_member_unpack(frame, len + sizeof(skippable), SIZE, &ret),
		GRAFT_ERROR_BAD_INPUT, NULL);
	sample_refused(
		graft_member_unpack(skippable, sizeof(skippable), SIZE, &ret),
		GRAFT_ERROR_BAD_INPUT, NULL);
	assert_null(ret);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_unpacks),
		cmocka_unit_test(what_does_not_shrink_is_plain),
		cmocka_unit_test(what_would_look_like_a_bomb_is_plain),
		cmocka_unit_test(a_module_keeps_the_frame_it_came_in),
		cmocka_unit_test(a_bomb_is_refused),
		cmocka_unit_test(a_frame_that_lies_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
