// SPDX-License-Identifier: Apache-2.0

// The configuration of graftd: what it says, what is wrong, and where.

#include "agent/config.h"

#include "base/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct graft_config *
good(const char *text)
{
	struct graft_config *config = NULL;
	struct graft_error *err = graft_config_parse(text, strlen(text), "f",
						     &config);

	if (err)
		fail_msg("%s", graft_error_message(err));
	return config;
}

static void
bad(const char *text, const char *message)
{
	struct graft_config *config = NULL;
	struct graft_error *err = graft_config_parse(text, strlen(text), "f",
						     &config);

	assert_non_null(err);
	assert_null(config);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	assert_string_equal(graft_error_message(err), message);
	graft_error_free(err);
}

static void
nothing_said_means_defaults(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_config_freep)
	struct graft_config *config = good("");

	assert_int_equal(config->rule_count, 0);
	assert_int_equal(config->interval_s, 300);
	assert_int_equal(config->watch_s, 60);
	assert_string_equal(config->user, "graft");
	assert_string_equal(config->socket, "/run/graft/graftd.sock");
	assert_string_equal(config->socket_group, "graft");
	assert_null(config->metrics_file);
	assert_true(config->sync);
	assert_false(config->before_main);
	assert_false(config->update);
	assert_int_equal(config->update_interval_s, 4 * 3600);
	assert_int_equal(config->update_jitter_s, 3600);
	assert_int_equal(config->repository_count, 0);
	assert_string_equal(graft_config_root_path(config, "main"),
			    "/etc/graft/root.json");
	assert_null(graft_config_root_path(config, "own"));
	assert_false(config->first);
}

static void
all_keys_are_read(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_config_freep)
	struct graft_config *config = good(
		"# scope\n\n  include-unit = nginx*.service\n"
		"exclude-user=root\ninclude-cgroup\t=\t/a b/c  \n"
		"interval = 1\nwatch = 0\nuser = u\nsocket = /s\n"
		"socket-group = g\nmetrics-file = /m = n\nsync = no\nbefore-main = yes\n"
		"repository = https://a/b//\nrepository = file:///c\n"
		"trusted-root = /r\nupdate = yes\nupdate-interval = 60\n"
		"update-jitter = 0");

	assert_int_equal(config->rule_count, 3);
	assert_int_equal(config->rules[0].what, GRAFT_CONFIG_UNIT);
	assert_false(config->rules[0].exclude);
	assert_string_equal(config->rules[0].value, "nginx*.service");
	assert_int_equal(config->rules[0].line, 3);
	assert_int_equal(config->rules[1].what, GRAFT_CONFIG_USER);
	assert_true(config->rules[1].exclude);
	assert_string_equal(config->rules[2].value, "/a b/c");
	assert_int_equal(config->interval_s, 1);
	assert_int_equal(config->watch_s, 0);
	assert_string_equal(config->user, "u");
	assert_string_equal(config->socket, "/s");
	assert_string_equal(config->socket_group, "g");
	assert_string_equal(config->metrics_file, "/m = n");
	assert_false(config->sync);
	assert_true(config->before_main);
	assert_int_equal(config->repository_count, 1);
	assert_string_equal(config->repositories[0].name, "main");
	assert_int_equal(config->repositories[0].url_count, 2);
	assert_string_equal(config->repositories[0].urls[0], "https://a/b");
	assert_string_equal(config->repositories[0].urls[1], "file:///c");
	assert_string_equal(graft_config_root_path(config, "main"), "/r");
	assert_true(config->update);
	assert_int_equal(config->update_interval_s, 60);
	assert_int_equal(config->update_jitter_s, 0);
}

static void
a_repository_is_a_url_that_can_be_asked(void **state)
{
	(void)state;
	static const char *const wrong[] = { "/srv/repo",  "ftp://a",
					     "file://a",   "https://a/?x",
					     "http://a b", "https://" };
	char text[64];
	char message[200];

	bad("update = yes", "f: update = yes, and no repository is named");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		(void)snprintf(text, sizeof(text), "repository = %s", wrong[i]);
		(void)snprintf(message, sizeof(message),
			       "f: line 1: repository: '%s' is no URL that "
			       "begins with https://, http:// or file:///",
			       wrong[i]);
		bad(text, message);
	}
	// What may be a password is not repeated.
	bad("repository = own https://me:secret@a/",
	    "f: line 1: repository: a URL without a user's name and password is expected: whatever is behind it is "
	    "signed");
}

static void
repositories_have_names_roots_and_a_say(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_config_freep)
	struct graft_config *config = good(
		"repository = own https://own/\nrepository = https://a\n"
		"repository = own http://mirror\n"
		"trusted-root = main /a\nagreement = first\n"
		"decides = own hotpatch\ndecides = main out-of-band\n");

	// In the order of their first lines, which is that of asking.
	assert_int_equal(config->repository_count, 2);
	assert_string_equal(config->repositories[0].name, "own");
	assert_int_equal(config->repositories[0].url_count, 2);
	assert_string_equal(config->repositories[0].urls[0], "https://own");
	assert_string_equal(config->repositories[0].urls[1], "http://mirror");
	assert_string_equal(config->repositories[1].name, "main");
	assert_string_equal(graft_config_root_path(config, "own"),
			    "/etc/graft/root-own.json");
	assert_string_equal(graft_config_root_path(config, "main"), "/a");
	assert_true(config->first);
	assert_string_equal(config->deciders[1].name, "own");
	assert_string_equal(config->deciders[2].name, "main");
	assert_string_equal(config->deciders[0].name, "");

	bad("trusted-root = own /r",
	    "f: line 1: trusted-root: no repository is called own");
	bad("trusted-root = own r",
	    "f: line 1: trusted-root: 'r' does not begin with '/'");
	bad("trusted-root = /r\ntrusted-root = main /s",
	    "f: line 2: trusted-root of main stands in line 1 already");
	assert_int_equal(config->packages, GRAFT_CONFIG_PACKAGES_ANY);
	bad("packages = apt",
	    "f: line 1: packages: 'apt' is none of 'any', 'archive' and 'repository'");
	bad("agreement = any",
	    "f: line 1: agreement: 'any' is neither 'all' nor 'first'");
	bad("repository = https://a\n\ndecides = own hotpatch",
	    "f: line 3: decides: no repository is called own");
	bad("decides = main hotpach",
	    "f: line 1: decides: 'hotpach' is no line of releases; did you mean 'hotpatch'?");
	bad("decides = hotpatch",
	    "f: line 1: decides: 'hotpatch' is no name of a repository with a line of releases behind it");
	bad("repository = https://a\ndecides = main hotpatch\n"
	    "decides = main hotpatch",
	    "f: line 3: who decides hotpatch stands in line 2 already");
	bad("repository = ../own https://a",
	    "f: line 1: repository: '../own https://a' is no URL that "
	    "begins with https://, http:// or file:///");
	bad("repository = a https://a\nrepository = b https://a\n"
	    "repository = c https://a\nrepository = d https://a\n"
	    "repository = e https://a",
	    "f: line 5: more than 4 repositories");
}

static void
a_proxy_has_no_password_in_its_url(void **state)
{
	(void)state;
	static const char *const wrong[] = { "http://me:secret@proxy:3128",
					     "socks5://proxy", "proxy:3128",
					     "http://", "http://proxy/secret" };
	char text[64];

	GRAFT_CLEANUP(graft_config_freep)
	struct graft_config *config = good(
		"proxy = http://proxy:3128\nno-proxy = a.b, 10.0.0.0/8\n"
		"proxy-password-file = /p\n");
	assert_string_equal(config->proxy, "http://proxy:3128");
	assert_string_equal(config->no_proxy, "a.b, 10.0.0.0/8");
	assert_string_equal(config->proxy_password_file, "/p");
	graft_config_free(good("proxy = none"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		(void)snprintf(text, sizeof(text), "proxy = %s", wrong[i]);
		// The value is not in it.
		bad(text,
		    "f: line 1: proxy: neither 'none' nor http://HOST:PORT or "
		    "https://HOST:PORT, without a user's name: that is for "
		    "proxy-password-file");
	}
	bad("proxy = none\nno-proxy = a;b",
	    "f: line 2: no-proxy: 'a;b' is no list of hosts with ',' between");
	bad("no-proxy = a", "f: no-proxy and proxy-password-file are for a "
			    "proxy, and none is named");
}

static void
an_unknown_key_names_its_line_and_the_nearest_one(void **state)
{
	(void)state;
	bad("\nintervall = 3\n",
	    "f: line 2: unknown key 'intervall'; did you mean 'interval'?");
	bad("exclude_unit = x",
	    "f: line 1: unknown key 'exclude_unit'; did you mean 'exclude-unit'?");
	bad("metric-file = /x",
	    "f: line 1: unknown key 'metric-file'; did you mean 'metrics-file'?");
	bad("= 3", "f: line 1: there is no key before '='");
	bad("interval", "f: line 1: neither 'key = value' nor a comment");
}

static void
a_value_that_is_not_allowed_says_what_is(void **state)
{
	(void)state;
	static const char *const numbers[] = {
		"0",          "86401", "-1",  "1.5",           "x",
		"9999999999", "0x3",   "5 s", "00000000000001"
	};
	char text[64];
	char message[128];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		(void)snprintf(text, sizeof(text), "interval = %s\n",
			       numbers[i]);
		(void)snprintf(
			message, sizeof(message),
			"f: line 1: interval: '%s' is no number of seconds from 1 to 86400",
			numbers[i]);
		bad(text, message);
	}
	bad("sync = true", "f: line 1: sync: 'true' is neither 'yes' nor 'no'");
	bad("socket = run/x",
	    "f: line 1: socket: 'run/x' does not begin with '/'");
	bad("include-cgroup = a",
	    "f: line 1: include-cgroup: 'a' does not begin with '/'");
	bad("user = a b", "f: line 1: user: 'a b' is no name");
	bad("user =  ", "f: line 1: user: there is no value behind '='");
	bad("user = a\r\n",
	    "f: line 1: holds a control character, or what is no UTF-8");
}

static void
a_key_stands_once_unless_it_is_a_rule(void **state)
{
	(void)state;
	bad("watch = 1\n\nwatch = 2\n",
	    "f: line 3: watch stands in line 1 already");
	graft_config_free(good("exclude-unit = a\nexclude-unit = b\n"));
}

static void
limits_hold(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_config *config = NULL;
	struct graft_error *err;

	graft_text_put(&text, "socket = /");
	for (int i = 0; i < 107; i++)
		graft_text_put(&text, "x");
	bad(graft_text_str(&text),
	    "f: line 1: socket: a path of a socket has at most 107 bytes");
	graft_text_deinit(&text);
	for (int i = 0; i <= GRAFT_CONFIG_RULES_MAX; i++)
		graft_text_put(&text, "exclude-user = 1\n");
	err = graft_config_parse(text.str, text.len, "f", &config);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_LIMIT);
	graft_error_free(err);
	while (text.len <= GRAFT_SETTINGS_BYTES_MAX)
		graft_text_put(&text, "# x\n");
	err = graft_config_parse(text.str, text.len, "f", &config);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_LIMIT);
	graft_error_free(err);
	// A NUL ends no line.
	err = graft_config_parse("watch = 1\0x", 11, "f", &config);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	graft_error_free(err);
}

static void
what_is_printed_decodes_to_the_same(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_config_freep)
	struct graft_config *config = good(
		"exclude-cgroup = /x\ninclude-user = 7\nsync = no\nwatch = 9\n"
		"metrics-file = /m\nrepository = https://a\n"
		"repository = own https://b\nagreement = first\n"
		"decides = own hotpatch\npackages = repository\n");
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text again = { 0 };

	graft_config_print(config, &text);
	GRAFT_CLEANUP(graft_config_freep)
	struct graft_config *other = good(graft_text_str(&text));
	graft_config_print(other, &again);
	assert_string_equal(graft_text_str(&text), graft_text_str(&again));
	assert_non_null(strstr(graft_text_str(&text), "watch = 9\n"));
	assert_non_null(strstr(graft_text_str(&text), "include-user = 7\n"));
	assert_non_null(
		strstr(graft_text_str(&text), "repository = own https://b\n"));
	assert_non_null(
		strstr(graft_text_str(&text),
		       "trusted-root = own /etc/graft/root-own.json\n"));
	assert_non_null(
		strstr(graft_text_str(&text), "decides = own hotpatch\n"));
	assert_non_null(strstr(graft_text_str(&text), "agreement = first\n"));
	assert_non_null(
		strstr(graft_text_str(&text), "packages = repository\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said_means_defaults),
		cmocka_unit_test(all_keys_are_read),
		cmocka_unit_test(a_repository_is_a_url_that_can_be_asked),
		cmocka_unit_test(repositories_have_names_roots_and_a_say),
		cmocka_unit_test(a_proxy_has_no_password_in_its_url),
		cmocka_unit_test(
			an_unknown_key_names_its_line_and_the_nearest_one),
		cmocka_unit_test(a_value_that_is_not_allowed_says_what_is),
		cmocka_unit_test(a_key_stands_once_unless_it_is_a_rule),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(what_is_printed_decodes_to_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
