// SPDX-License-Identifier: Apache-2.0

// Which host has which key.

#include "compliance/enrolled.h"
#include "trust/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/** Add a host, or fail. */
static void
add(struct graft_compliance_enrolled *enrolled, const char *host,
    const char *key_id)
{
	struct graft_error *err = graft_compliance_enrolled_add(enrolled, host,
								key_id);

	if (err)
		fail_msg("%s", graft_error_message(err));
}

static void
a_key_is_anothers_until_that_host_has_another_key(void **state)
{
	struct graft_compliance_enrolled all = { 0 };

	(void)state;
	assert_null(graft_compliance_enrolled_other(&all, "a", "1"));
	add(&all, "a", "1");
	add(&all, "a", "1");
	assert_null(graft_compliance_enrolled_other(&all, "a", "1"));
	assert_string_equal(graft_compliance_enrolled_other(&all, "b", "1"),
			    "a");
	assert_null(graft_compliance_enrolled_other(&all, "b", "2"));
	// A new key for a, and b may have the old one.
	add(&all, "a", "2");
	graft_compliance_enrolled_remove(&all, "a", "1");
	assert_null(graft_compliance_enrolled_other(&all, "b", "1"));
	assert_string_equal(graft_compliance_enrolled_other(&all, "b", "2"),
			    "a");
	graft_compliance_enrolled_remove(&all, "nobody", "2");
	graft_compliance_enrolled_remove(&all, "a", "nothing");
	assert_non_null(graft_compliance_enrolled_other(&all, "b", "2"));
	graft_compliance_enrolled_deinit(&all);
}

static void
of_two_that_have_one_key_each_is_told_of_the_other(void **state)
{
	struct graft_compliance_enrolled all = { 0 };

	(void)state;
	add(&all, "a", "1");
	add(&all, "b", "1");
	assert_string_equal(graft_compliance_enrolled_other(&all, "a", "1"),
			    "b");
	assert_string_equal(graft_compliance_enrolled_other(&all, "b", "1"),
			    "a");
	graft_compliance_enrolled_remove(&all, "a", "1");
	assert_null(graft_compliance_enrolled_other(&all, "b", "1"));
	graft_compliance_enrolled_deinit(&all);
}

static void
of_many_hosts_each_is_found(void **state)
{
	// Each compared with each would take minutes.
	enum { COUNT = 300 * 1000 };
	struct graft_compliance_enrolled all = { 0 };
	char host[32];
	char id[GRAFT_KEY_ID_LEN];

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		(void)snprintf(host, sizeof(host), "host-%d", i);
		(void)snprintf(id, sizeof(id), "%064d", i);
		assert_null(graft_compliance_enrolled_other(&all, host, id));
		add(&all, host, id);
	}
	for (int i = 0; i < COUNT; i++) {
		(void)snprintf(host, sizeof(host), "host-%d", i);
		(void)snprintf(id, sizeof(id), "%064d", i);
		assert_string_equal(
			graft_compliance_enrolled_other(&all, "new", id), host);
	}
	graft_compliance_enrolled_deinit(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_key_is_anothers_until_that_host_has_another_key),
		cmocka_unit_test(
			of_two_that_have_one_key_each_is_told_of_the_other),
		cmocka_unit_test(of_many_hosts_each_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
