// SPDX-License-Identifier: Apache-2.0

#include "explain/visible.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
must_show(const char *bytes, size_t len, const char *want)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_visible_put(&text, bytes, len, SIZE_MAX);
	assert_false(text.failed);
	assert_string_equal(graft_text_str(&text), want);
}

static void
plain_text_stays_as_it_is(void **state)
{
	(void)state;
	must_show("", 0, "");
	must_show("png_read_row <T>", 16, "png_read_row <T>");
	must_show("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x90\xa7", 15,
		  "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x90\xa7");
}

static void
control_characters_become_escapes(void **state)
{
	(void)state;
	must_show("a\nb\tc\rd", 7, "a\\nb\\tc\\rd");
	must_show("\033[31m", 5, "\\x1b[31m");
	must_show("a\0b", 3, "a\\x00b");
	must_show("\x7f", 1, "\\x7f");
	// C1: some terminals obey it.
	must_show("\xc2\x9b", 2, "\\u009b");
}

static void
what_turns_or_hides_text_becomes_an_escape(void **state)
{
	(void)state;
	must_show("a\xe2\x80\xae"
		  "b",
		  5, "a\\u202eb");
	must_show("\xe2\x81\xa6\xe2\x81\xa9", 6, "\\u2066\\u2069");
	must_show("\xe2\x80\x8b", 3, "\\u200b");
	must_show("\xef\xbb\xbf", 3, "\\ufeff");
	must_show("\xd8\x9c", 2, "\\u061c");
	must_show("\xf3\xa0\x81\x81", 4, "\\U000e0041");
}

static void
what_is_no_utf8_becomes_bytes(void **state)
{
	(void)state;
	must_show("\xff", 1, "\\xff");
	// Overlong, a surrogate, beyond the last, cut at the end.
	must_show("\xc0\x80", 2, "\\xc0\\x80");
	must_show("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");
	must_show("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80");
	must_show("\xe2\x82", 2, "\\xe2\\x82");
}

static void
long_text_is_cut_between_characters(void **state)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	(void)state;
	graft_visible_put(&text, "\xc3\xa4\xc3\xb6\xc3\xbc!", 7, 3);
	assert_string_equal(graft_text_str(&text),
			    "\xc3\xa4\xc3\xb6\xc3\xbc...");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_stays_as_it_is),
		cmocka_unit_test(control_characters_become_escapes),
		cmocka_unit_test(what_turns_or_hides_text_becomes_an_escape),
		cmocka_unit_test(what_is_no_utf8_becomes_bytes),
		cmocka_unit_test(long_text_is_cut_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
