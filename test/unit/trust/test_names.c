// SPDX-License-Identifier: Apache-2.0

// Patterns of paths, names in URLs and files, and times.

#include "base/cleanup.h"
#include "trust/escape.h"
#include "trust/instant.h"
#include "trust/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
a_star_does_not_cross_a_slash(void **state)
{
	(void)state;
	assert_true(graft_pattern_match("*", "a"));
	assert_true(graft_pattern_match("*", ""));
	assert_false(graft_pattern_match("*", "a/b"));
	assert_true(graft_pattern_match("a/*", "a/b"));
	assert_false(graft_pattern_match("a/*", "a/b/c"));
	assert_false(graft_pattern_match("a/*", "b/b"));
	assert_true(graft_pattern_match("*/*/c", "a/b/c"));
	assert_true(graft_pattern_match("releases/*/*", "releases/x/x_v1"));
	assert_true(graft_pattern_match("*.zip", "y_v1.zip"));
	assert_true(graft_pattern_match("a*b*c", "abbcbc"));
	assert_false(graft_pattern_match("a*b*c", "abbcb"));
	assert_false(graft_pattern_match("a*c", "ab/c"));
	assert_true(graft_pattern_match("a**b", "ab"));
	assert_false(graft_pattern_match("", "a"));
	assert_true(graft_pattern_match("", ""));
}

static void
a_question_mark_is_one_character(void **state)
{
	(void)state;
	assert_true(graft_pattern_match("foo-?.tgz", "foo-a.tgz"));
	assert_false(graft_pattern_match("foo-?.tgz", "foo-alpha.tgz"));
	assert_false(graft_pattern_match("?", ""));
	assert_false(graft_pattern_match("?", "/"));
	assert_true(graft_pattern_match("?", "\xc3\xa9"));
	assert_false(graft_pattern_match("??", "\xc3\xa9"));
	assert_true(graft_pattern_match("*??", "abc"));
}

static void
case_and_brackets_are_as_they_stand(void **state)
{
	(void)state;
	assert_false(graft_pattern_match("README", "readme"));
	assert_true(graft_pattern_match("[ab]", "[ab]"));
	assert_false(graft_pattern_match("[ab]", "a"));
	assert_true(graft_pattern_match("\\*", "\\x"));
}

// What takes exponential time where each star is tried anew.
static void
many_stars_take_no_time(void **state)
{
	static char pattern[4001];
	static char path[4001];

	(void)state;
	for (size_t i = 0; i < 4000; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[3999] = 'b';
	memset(path, 'a', 4000);
	assert_false(graft_pattern_match(pattern, path));
}

static void
names_are_quoted_in_urls(void **state)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	(void)state;
	graft_escape_component(&text, "?#/../a b%\xc3\xa9~-._");
	assert_string_equal(graft_text_str(&text),
			    "%3F%23%2F..%2Fa%20b%25%C3%A9~-._");
	graft_text_deinit(&text);
	graft_escape_path(&text, "a/b c/?");
	assert_string_equal(graft_text_str(&text), "a/b%20c/%3F");
}

static void
a_file_is(const char *name, const char *expected)
{
	GRAFT_FREE char *file = NULL;

	assert_null(graft_escape_file(name, ".json", &file));
	assert_string_equal(file, expected);
	assert_null(strchr(file, '/'));
}

static void
no_name_leaves_its_directory(void **state)
{
	static char name[1001];

	(void)state;
	a_file_is("role", "role.json");
	a_file_is("/role", "%2Frole.json");
	a_file_is("../role", "%2E.%2Frole.json");
	a_file_is(".", "%2E.json");
	a_file_is("..", "%2E..json");
	a_file_is("", ".json");
	memset(name, 'a', 1000);
	a_file_is(name, "sha256+41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d1346"
			"45adb5db1b9737ea3.json");
}

static void
reads(const char *text, int64_t expected)
{
	int64_t instant = 0;

	if (!graft_instant_parse(text, &instant))
		fail_msg("%s", text);
	assert_int_equal(instant, expected);
}

static void
times_are_those_of_unix(void **state)
{
	char text[GRAFT_INSTANT_LEN];

	(void)state;
	reads("1970-01-01T00:00:00Z", 0);
	reads("2000-02-29T12:34:56Z", 951827696);
	reads("2030-01-31T23:59:59Z", 1896134399);
	reads("2030-01-31T23:59:59.123456Z", 1896134399);
	reads("1969-12-31T23:59:59Z", -1);
	reads("9999-12-31T23:59:59Z", 253402300799);
	reads("0000-01-01T00:00:00Z", -62167219200);
	graft_instant_print(1896134399, text);
	assert_string_equal(text, "2030-01-31T23:59:59Z");
	graft_instant_print(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
}

static void
what_is_no_time_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"2030-01-31",
		"2030-01-31T23:59:59",
		"2030-01-31 23:59:59Z",
		"2030-02-29T00:00:00Z",
		"2030-13-01T00:00:00Z",
		"2030-00-01T00:00:00Z",
		"2030-01-00T00:00:00Z",
		"2030-01-01T24:00:00Z",
		"2030-01-01T00:60:00Z",
		"2030-01-01T00:00:60Z",
		"2030-01-01T00:00:00+01:00",
		"2030-01-01T00:00:00.Z",
		"2030-01-01T00:00:00Zx",
		"-030-01-01T00:00:00Z",
		"30-01-01T00:00:00Z",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		int64_t instant;
		if (graft_instant_parse(texts[i], &instant))
			fail_msg("%s", texts[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_star_does_not_cross_a_slash),
		cmocka_unit_test(a_question_mark_is_one_character),
		cmocka_unit_test(case_and_brackets_are_as_they_stand),
		cmocka_unit_test(many_stars_take_no_time),
		cmocka_unit_test(names_are_quoted_in_urls),
		cmocka_unit_test(no_name_leaves_its_directory),
		cmocka_unit_test(times_are_those_of_unix),
		cmocka_unit_test(what_is_no_time_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
