// SPDX-License-Identifier: Apache-2.0

#include "base/text.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
an_empty_text_is_an_empty_string(void **state)
{
	(void)state;
	struct graft_text text = { 0 };
	GRAFT_FREE char *str = NULL;

	assert_string_equal(graft_text_str(&text), "");
	assert_null(graft_text_take(&text, &str));
	assert_string_equal(str, "");
	graft_text_deinit(&text);
	graft_text_deinit(NULL);
}

static void
a_text_grows_over_every_edge(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	for (size_t len = 1; len < 1000; len++) {
		if (len % 2)
			graft_text_printf(&text, "%c", (int)('a' + len % 26));
		else
			graft_text_put(&text, "-");
		assert_int_equal(text.len, len);
		assert_int_equal(strlen(text.str), len);
	}
	graft_text_put_bytes(&text, NULL, 0);
	graft_text_put_bytes(&text, "\0x", 2);
	assert_int_equal(text.len, 1001);
	assert_int_equal(text.str[1000], 'x');
	assert_int_equal(text.str[1001], '\0');
}

static void
taking_a_text_leaves_it_empty(void **state)
{
	(void)state;
	struct graft_text text = { 0 };
	GRAFT_FREE char *first = NULL;
	GRAFT_FREE char *second = NULL;

	graft_text_printf(&text, "%s-%d", "one", 1);
	assert_null(graft_text_take(&text, &first));
	assert_string_equal(first, "one-1");
	graft_text_put(&text, "two");
	assert_null(graft_text_take(&text, &second));
	assert_string_equal(second, "two");
	assert_string_equal(first, "one-1");
}

static void
a_text_that_failed_once_stays_failed(void **state)
{
	(void)state;
	struct graft_text text = { 0 };
	char *str = NULL;

	graft_text_put(&text, "x");
	// No memory is that large.
	graft_text_put_bytes(&text, "y", SIZE_MAX - 8);
	graft_text_put(&text, "z");
	struct graft_error *err = graft_text_take(&text, &str);
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_NO_MEMORY);
	assert_null(str);
	assert_null(text.str);
	graft_error_free(err);
}

static void
what_could_move_a_cursor_is_shown_as_hex(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		const char *out;
	} rows[] = {
		{ "/usr/lib/a.so", "/usr/lib/a.so" },
		{ "a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f" },
		{ "\x1b[31m", "\\x1b[31m" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xe2\x82\xac \xf0\x9f\x8c\xb1",
		  "\xe2\x82\xac \xf0\x9f\x8c\xb1" },
		// C1 control, overlong slash, surrogate, beyond Unicode.
		{ "\xc2\x9b", "\\xc2\\x9b" },
		{ "\xc0\xaf", "\\xc0\\xaf" },
		{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		// The end of a line, an override, the end of an isolate; what stands before and behind these.
		{ "a\xe2\x80\xa8z", "a\\xe2\\x80\\xa8z" },
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" },
		{ "\xe2\x81\xa9", "\\xe2\\x81\\xa9" },
		{ "\xe2\x80\xa7\xe2\x80\xaf", "\xe2\x80\xa7\xe2\x80\xaf" },
		{ "\xe2\x81\xa5\xe2\x81\xaa", "\xe2\x81\xa5\xe2\x81\xaa" },
		// Cut, and continued by nothing.
		{ "\xe2\x82", "\\xe2\\x82" },
		{ "\x80\xff", "\\x80\\xff" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
		graft_text_put_safe(&text, rows[i].in);
		assert_string_equal(graft_text_str(&text), rows[i].out);
		// What may be shown as it is is what names may be made of.
		assert_int_equal(
			graft_utf8_printable(rows[i].in, strlen(rows[i].in)),
			strcmp(rows[i].in, rows[i].out) == 0);
	}
}

static void
a_cursor_never_steps_past_its_end(void **state)
{
	(void)state;
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5 };

	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct graft_cursor c = graft_cursor_make(bytes, len);
		uint64_t value = graft_cursor_le(&c, 4);
		assert_int_equal(value, len >= 4 ? 0x04030201 : 0);
		assert_int_equal(c.bad, len < 4);
		assert_null(graft_cursor_take(&c, SIZE_MAX));
		assert_true(c.bad);
		// Bad stays bad, even for what would be there.
		assert_null(graft_cursor_take(&c, 0));
		assert_int_equal(graft_cursor_le(&c, 1), 0);
	}
}

static void
the_monotonic_clock_counts_a_sleep(void **state)
{
	(void)state;
	uint64_t start = graft_clock_monotonic_us();

	graft_clock_sleep_us(0);
	graft_clock_sleep_us(2000);
	assert_true(graft_clock_monotonic_us() - start >= 2000);
	// 2020-01-01: the calendar is one, in microseconds.
	assert_true(graft_clock_now_us() > UINT64_C(1577836800000000));
	assert_true(graft_clock_now_us() < UINT64_C(1577836800000000) * 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_text_is_an_empty_string),
		cmocka_unit_test(a_text_grows_over_every_edge),
		cmocka_unit_test(taking_a_text_leaves_it_empty),
		cmocka_unit_test(a_text_that_failed_once_stays_failed),
		cmocka_unit_test(what_could_move_a_cursor_is_shown_as_hex),
		cmocka_unit_test(a_cursor_never_steps_past_its_end),
		cmocka_unit_test(the_monotonic_clock_counts_a_sleep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
