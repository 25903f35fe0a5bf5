// SPDX-License-Identifier: Apache-2.0

#include "patch/pack.h"

#include "base/utf8.h"
#include "sample.h"

static void
numbers_round_trip_in_few_bytes(void **state)
{
	(void)state;
	static const struct {
		int64_t value;
		size_t len;
	} table[] = {
		{ 0, 1 },        { -1, 1 },         { 63, 1 },
		{ -64, 1 },      { 64, 2 },         { -65, 2 },
		{ 0x7fffff, 4 }, { INT64_MAX, 10 }, { INT64_MIN, 10 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
		graft_pack_put_signed(&out, table[i].value);
		assert_int_equal(out.len, table[i].len);
		graft_pack_put(&out, (uint64_t)table[i].value);
		graft_pack_put_delta(&out, (uint64_t)table[i].value, 12345);
		struct graft_cursor c = graft_cursor_make(out.str, out.len);
		assert_true(graft_pack_take_signed(&c) == table[i].value);
		assert_true(graft_pack_take(&c) == (uint64_t)table[i].value);
		assert_true(graft_pack_take_delta(&c, 12345) ==
			    (uint64_t)table[i].value);
		assert_false(c.bad);
		assert_int_equal(graft_cursor_left(&c), 0);
	}
}

static void
numbers_that_are_cut_or_too_long_are_bad(void **state)
{
	(void)state;
	static const uint8_t cut[] = { 0x80, 0x80 };
	static const uint8_t wide[] = { 0xff, 0xff, 0xff, 0xff, 0xff,
					0xff, 0xff, 0xff, 0xff, 0x02 };
	static const uint8_t endless[] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
					   0x80, 0x80, 0x80, 0x80, 0x80, 0x00 };
	struct graft_cursor c = graft_cursor_make(cut, sizeof(cut));

	assert_int_equal(graft_pack_take(&c), 0);
	assert_true(c.bad);
	c = graft_cursor_make(wide, sizeof(wide));
	assert_int_equal(graft_pack_take(&c), 0);
	assert_true(c.bad);
	c = graft_cursor_make(endless, sizeof(endless));
	assert_int_equal(graft_pack_take(&c), 0);
	assert_true(c.bad);
}

static void
a_count_is_bounded_by_what_is_left(void **state)
{
	(void)state;
	static const uint8_t bytes[] = { 3, 1, 2 };
	struct graft_cursor c = graft_cursor_make(bytes, sizeof(bytes));

	assert_int_equal(graft_pack_take_count(&c, 100), 0);
	assert_true(c.bad);
	c = graft_cursor_make(bytes + 2, 1);
	assert_int_equal(graft_pack_take_count(&c, 1), 0);
	assert_true(c.bad);
}

static void
a_string_with_a_nul_is_bad(void **state)
{
	(void)state;
	struct graft_cursor c = graft_cursor_make("ab\0d", 4);

	char *str = graft_pack_take_chars(&c, 2);
	assert_string_equal(str, "ab");
	free(str);
	assert_null(graft_pack_take_chars(&c, 2));
	assert_true(c.bad);
}

static void
only_text_is_printable(void **state)
{
	(void)state;
	static const char *const good[] = { "",
					    "a",
					    "\u00a0",
					    "\u00fc\u20ac",
					    "\xf0\x9f\x8c\xb1",
					    "\xf4\x8f\xbf\xbf" };
	static const char *const evil[] = {
		"\n",       "\x1b[2J",          "\x7f",      "\xc2\x9b",
		"\x80",     "\xc0\xaf",         "\xc3",      "\xe0\x80\x80",
		"\xe2\x82", "\xed\xa0\x80",     "\xff",      "\xf4\x90\x80\x80",
		"\xf8\x88", "\xf0\x80\x80\x80", "a\xe2\x28",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(graft_utf8_printable(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(evil) / sizeof(*evil); i++)
		assert_false(graft_utf8_printable(evil[i], strlen(evil[i])));
	assert_false(graft_utf8_printable("a\0b", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_round_trip_in_few_bytes),
		cmocka_unit_test(numbers_that_are_cut_or_too_long_are_bad),
		cmocka_unit_test(a_count_is_bounded_by_what_is_left),
		cmocka_unit_test(a_string_with_a_nul_is_bad),
		cmocka_unit_test(only_text_is_printable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
