// SPDX-License-Identifier: Apache-2.0

#include "base/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct graft_cursor
open_text(const char *bytes, size_t len)
{
	return graft_cursor_make(bytes, len);
}

/** Open the bytes of a literal, without its NUL. */
#define OPEN(literal) open_text(literal, sizeof(literal) - 1)

static void
a_number_ends_where_its_last_byte_does(void **state)
{
	(void)state;
	struct graft_cursor c = OPEN("\x02\x7f\x80\x01\xe5\x8e\x26\x55");

	assert_int_equal(graft_cursor_leb(&c), 2);
	assert_int_equal(graft_cursor_leb(&c), 127);
	assert_int_equal(graft_cursor_leb(&c), 128);
	assert_int_equal(graft_cursor_leb(&c), 624485);
	assert_int_equal(graft_cursor_left(&c), 1);
	assert_false(c.bad);
}

static void
the_sign_of_a_number_is_its_highest_bit(void **state)
{
	(void)state;
	struct graft_cursor c =
		OPEN("\x02\x7e\x3f\x40\xff\x00\x81\x7f\xc0\xbb\x78");

	assert_int_equal(graft_cursor_signed_leb(&c), 2);
	assert_int_equal(graft_cursor_signed_leb(&c), -2);
	assert_int_equal(graft_cursor_signed_leb(&c), 63);
	assert_int_equal(graft_cursor_signed_leb(&c), -64);
	assert_int_equal(graft_cursor_signed_leb(&c), 127);
	assert_int_equal(graft_cursor_signed_leb(&c), -127);
	assert_int_equal(graft_cursor_signed_leb(&c), -123456);
	assert_int_equal(graft_cursor_left(&c), 0);
	assert_false(c.bad);
}

static void
bytes_that_only_fill_a_field_count_for_nothing(void **state)
{
	(void)state;
	struct graft_cursor c = OPEN(
		"\x83\x80\x80\x80\x00"
		"\xff\xff\xff\x7f"
		"\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00");

	assert_int_equal(graft_cursor_leb(&c), 3);
	assert_int_equal(graft_cursor_signed_leb(&c), -1);
	assert_int_equal(graft_cursor_leb(&c), 1);
	assert_int_equal(graft_cursor_left(&c), 0);
	assert_false(c.bad);
}

static void
a_number_that_is_cut_is_bad(void **state)
{
	(void)state;
	static const char whole[] = "\xe5\x8e\x26";

	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		struct graft_cursor c = open_text(whole, len);
		assert_int_equal(graft_cursor_leb(&c), 0);
		assert_true(c.bad);
		c = open_text(whole, len);
		assert_int_equal(graft_cursor_signed_leb(&c), 0);
		assert_true(c.bad);
	}
}

static void
the_largest_numbers_are_taken_and_no_larger_ones(void **state)
{
	(void)state;
	struct graft_cursor c =
		OPEN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
	assert_true(graft_cursor_leb(&c) == UINT64_MAX);
	assert_false(c.bad);

	// Bit 64 is set.
	c = OPEN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x03");
	assert_int_equal(graft_cursor_leb(&c), 0);
	assert_true(c.bad);
}

static void
the_furthest_signed_numbers_are_taken_and_no_further_ones(void **state)
{
	(void)state;
	struct graft_cursor c = OPEN(
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00"
		"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f");
	assert_true(graft_cursor_signed_leb(&c) == INT64_MAX);
	assert_true(graft_cursor_signed_leb(&c) == INT64_MIN);
	assert_false(c.bad);

	// A sign that is not that of all higher bits.
	c = OPEN("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01");
	assert_int_equal(graft_cursor_signed_leb(&c), 0);
	assert_true(c.bad);
	c = OPEN("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7e");
	assert_int_equal(graft_cursor_signed_leb(&c), 0);
	assert_true(c.bad);
}

static void
a_number_of_more_than_ten_bytes_is_bad(void **state)
{
	(void)state;
	struct graft_cursor c =
		OPEN("\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00");
	assert_int_equal(graft_cursor_leb(&c), 0);
	assert_true(c.bad);

	c = OPEN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
	assert_int_equal(graft_cursor_signed_leb(&c), 0);
	assert_true(c.bad);
}

static void
a_cursor_that_went_bad_stays_so(void **state)
{
	(void)state;
	struct graft_cursor c = OPEN("\x05\x06");

	assert_null(graft_cursor_take(&c, 3));
	assert_int_equal(graft_cursor_leb(&c), 0);
	assert_int_equal(graft_cursor_signed_leb(&c), 0);
	assert_true(c.bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_ends_where_its_last_byte_does),
		cmocka_unit_test(the_sign_of_a_number_is_its_highest_bit),
		cmocka_unit_test(
			bytes_that_only_fill_a_field_count_for_nothing),
		cmocka_unit_test(a_number_that_is_cut_is_bad),
		cmocka_unit_test(
			the_largest_numbers_are_taken_and_no_larger_ones),
		cmocka_unit_test(
			the_furthest_signed_numbers_are_taken_and_no_further_ones),
		cmocka_unit_test(a_number_of_more_than_ten_bytes_is_bad),
		cmocka_unit_test(a_cursor_that_went_bad_stays_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
