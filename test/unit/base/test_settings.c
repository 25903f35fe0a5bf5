// SPDX-License-Identifier: Apache-2.0

#include "base/settings.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/** Write down what is told: "line key=value;". */
static struct graft_error *
note(void *arg, const struct graft_setting *setting)
{
	graft_text_printf(arg, "%zu %s=%s;", setting->line, setting->key,
			  setting->value);
	return NULL;
}

static struct graft_error *
refuse(void *arg, const struct graft_setting *setting)
{
	static const char *const known[] = { "weekday", "week", "time" };

	(void)arg;
	return graft_setting_unknown(setting, known, 3);
}

/** What is told of a text, or the error. */
static void
says(const char *text, size_t len, const char *want)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text said = { 0 };
	struct graft_error *err = graft_settings_each(text, len, "f.conf", note,
						      &said);

	if (err)
		assert_string_equal(graft_error_message(err), want);
	else
		assert_string_equal(graft_text_str(&said), want);
	graft_error_free(err);
}

#define SAYS(text, want) says(text, sizeof(text) - 1, want)

static void
lines_are_keys_and_values(void **state)
{
	(void)state;
	SAYS("", "");
	SAYS("a=b", "1 a=b;");
	SAYS("# no\n\n \ta  =\t b = c \n  # no\nx = \303\244",
	     "3 a=b = c;5 x=\303\244;");
}

static void
what_is_no_setting_is_said_with_its_line(void **state)
{
	(void)state;
	SAYS("a = b\nc\n",
	     "f.conf: line 2: neither 'key = value' nor a comment");
	SAYS("= b", "f.conf: line 1: there is no key before '='");
	SAYS("a =  ", "f.conf: line 1: a: there is no value behind '='");
	SAYS("a = b\033[31m",
	     "f.conf: line 1: holds a control character, or what is no UTF-8");
	SAYS("a = b\0c",
	     "f.conf: line 1: holds a control character, or what is no UTF-8");
	SAYS("a = \377",
	     "f.conf: line 1: holds a control character, or what is no UTF-8");
	SAYS("abcdefghijklmnopqrstuvwxyzabcdefg = 1",
	     "f.conf: line 1: no key is so long");
}

static void
lengths_have_bounds(void **state)
{
	(void)state;
	GRAFT_FREE char *text = malloc(GRAFT_SETTINGS_BYTES_MAX + 1);

	assert_non_null(text);
	memset(text, '#', GRAFT_SETTINGS_BYTES_MAX + 1);
	says(text, GRAFT_SETTINGS_BYTES_MAX, "");
	says(text, GRAFT_SETTINGS_BYTES_MAX + 1, "f.conf: longer than 64 KiB");
	memset(text, 'v', GRAFT_SETTING_VALUE_MAX + 8);
	memcpy(text, "a=", 2);
	says(text, GRAFT_SETTING_VALUE_MAX + 3,
	     "f.conf: line 1: a: the value is longer than 4095 bytes");
}

static void
an_unknown_key_names_the_nearest(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{ "weekdy = 1",
		  "f.conf: line 1: unknown key 'weekdy'; did you mean 'weekday'?" },
		{ "tine = 1",
		  "f.conf: line 1: unknown key 'tine'; did you mean 'time'?" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct graft_error *err = graft_settings_each(
			cases[i].text, strlen(cases[i].text), "f.conf", refuse,
			NULL);
		assert_non_null(err);
		assert_string_equal(graft_error_message(err), cases[i].want);
		graft_error_free(err);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_keys_and_values),
		cmocka_unit_test(what_is_no_setting_is_said_with_its_line),
		cmocka_unit_test(lengths_have_bounds),
		cmocka_unit_test(an_unknown_key_names_the_nearest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
