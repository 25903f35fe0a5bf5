// SPDX-License-Identifier: Apache-2.0

// Who is in the daemon's scope.

#include "agent/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/** Ask rules about somebody. */
static bool
has(const char *rules, const char *unit, const char *cgroup, uid_t uid)
{
	GRAFT_CLEANUP(graft_config_freep) struct graft_config *config = NULL;
	GRAFT_CLEANUP(graft_agent_scope_freep)
	struct graft_agent_scope *scope = NULL;
	const struct graft_agent_subject subject = { unit, cgroup, uid };

	assert_null(graft_config_parse(rules, strlen(rules), "f", &config));
	assert_null(graft_agent_scope_make(config, "f", &scope));
	return graft_agent_scope_has(scope, &subject);
}

static void
without_rules_all_are_in(void **state)
{
	(void)state;
	assert_true(has("", NULL, "/", 7));
}

static void
who_meets_one_that_includes_is_in_and_nobody_else(void **state)
{
	(void)state;
	static const char rules[] = "include-unit = nginx*.service\n"
				    "include-cgroup = /a/b\ninclude-user = 7\n";

	assert_true(has(rules, "nginx-x.service", "/", 0));
	assert_false(has(rules, "snginx.service", "/", 0));
	assert_true(has(rules, NULL, "/a/b", 0));
	assert_true(has(rules, NULL, "/a/b/c", 0));
	assert_false(has(rules, NULL, "/a/bc", 0));
	assert_false(has(rules, NULL, "/a", 0));
	assert_true(has(rules, NULL, "/", 7));
	assert_false(has(rules, NULL, "/", 8));
}

static void
who_is_excluded_is_out_whatever_includes_him(void **state)
{
	(void)state;
	assert_false(has("exclude-user = root\n", NULL, "/", 0));
	assert_true(has("exclude-user = root\n", NULL, "/", 1));
	assert_false(has("exclude-unit = a.service\ninclude-user = 3\n",
			 "a.service", "/", 3));
	assert_false(has("include-cgroup = /a\nexclude-cgroup = /a/b/\n", NULL,
			 "/a/b/c", 3));
}

static void
an_unknown_user_is_an_error_with_its_line(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_config_freep) struct graft_config *config = NULL;
	struct graft_agent_scope *scope = NULL;
	static const char rules[] = "\ninclude-user = no-such-user-here\n";

	assert_null(graft_config_parse(rules, strlen(rules), "f", &config));
	struct graft_error *err = graft_agent_scope_make(config, "f", &scope);
	assert_non_null(err);
	assert_null(scope);
	assert_string_equal(graft_error_message(err),
			    "f: line 2: there is no user 'no-such-user-here'");
	graft_error_free(err);
}

static void
a_process_is_asked_about_itself(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_config_freep) struct graft_config *config = NULL;
	GRAFT_CLEANUP(graft_agent_scope_freep)
	struct graft_agent_scope *scope = NULL;
	char rules[64];
	bool in = false;

	(void)snprintf(rules, sizeof(rules),
		       "include-user = %u\nexclude-cgroup = /no/such/group\n",
		       geteuid());
	assert_null(graft_config_parse(rules, strlen(rules), "f", &config));
	assert_null(graft_agent_scope_make(config, "f", &scope));
	assert_null(graft_agent_scope_ask(scope, getpid(), &in));
	assert_true(in);
	// Nobody has this number.
	assert_null(graft_agent_scope_ask(scope, INT32_MAX, &in));
	assert_false(in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_rules_all_are_in),
		cmocka_unit_test(
			who_meets_one_that_includes_is_in_and_nobody_else),
		cmocka_unit_test(who_is_excluded_is_out_whatever_includes_him),
		cmocka_unit_test(an_unknown_user_is_an_error_with_its_line),
		cmocka_unit_test(a_process_is_asked_about_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
