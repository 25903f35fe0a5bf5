// SPDX-License-Identifier: Apache-2.0

#include "base/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
versions_and_dates_may_differ(void **state)
{
	(void)state;
	assert_true(graft_version_only_differs("x", "x"));
	assert_true(graft_version_only_differs("sslh 1.20-1+b2\nusage:",
					       "sslh 1.20-1+deb12u1\nusage:"));
	assert_true(graft_version_only_differs(
		"2.6.12-1+deb12u3, released 2025/10/03",
		"2.6.12-1+deb12u4, released 2026/01/13"));
	assert_true(graft_version_only_differs("7.0.151778644800000000000",
					       "7.0.151790282056000000000"));
}

static void
anything_else_may_not(void **state)
{
	static const char *const texts[][2] = {
		{ "10.0.0.1", "0.0.0.0" },
		{ "/bin/v1", "/bin/v2" },
		{ "limit 100", "limit 200" },
		{ "a", "" },
		{ "1.20-1+b2", "1.20-1+b2 " },
		{ "%s 1-2+b1", "%n 1-2+b1" },
		{ "10.0.0.1-10.0.0.9", "10.0.0.1-10.0.1.9" },
		{ "1.20-1+b2", "" },
		{ "7.0.151778644800000000000", "7.0.141778644800000000000" },
		{ "1778644800000000001", "1778644800000000002" },
		{ "1778644800000000000", "9778644800000000000" },
		{ "778644800000000000", "778644900000000000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_false(
			graft_version_only_differs(texts[i][0], texts[i][1]));
		assert_false(
			graft_version_only_differs(texts[i][1], texts[i][0]));
	}
}

static void
a_text_may_be_the_version_of_the_source(void **state)
{
	(void)state;
	assert_true(graft_version_is_upstream("8.2.32", "8.2.32-1~deb12u1"));
	assert_true(graft_version_is_upstream("1.2.3-4", "1.2.3-4-5"));
	assert_false(graft_version_is_upstream("8.2.3", "8.2.32-1"));
	assert_false(graft_version_is_upstream("8.2.32", "8.2.3-1"));
	assert_false(graft_version_is_upstream("8.2.32-1", "8.2.32-1"));
	assert_false(graft_version_is_upstream("8.2.32", "8.2.32"));
	assert_false(graft_version_is_upstream("12", "12-1"));
	assert_false(graft_version_is_upstream("1.2", "1.2-1"));
	assert_false(graft_version_is_upstream("8.2.32", NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_and_dates_may_differ),
		cmocka_unit_test(anything_else_may_not),
		cmocka_unit_test(a_text_may_be_the_version_of_the_source),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
