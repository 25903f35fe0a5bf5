// SPDX-License-Identifier: Apache-2.0

#include "base/deb_version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/** Each is less than the next; `dpkg --compare-versions` says the same. */
static const char *const ascending[] = {
	"0~~",
	"0~",
	"0",
	"0a",
	"0.1",
	"1.0~rc1-1",
	"1.0~rc2-1",
	"1.0",
	"1.0-0.1",
	"1.0-1",
	"1.0-1+b1",
	"1.0-1+deb12u1",
	"1.0-1+deb12u2",
	"1.0-1+deb12u10",
	"1.0-2",
	"1.0+git1-1",
	"1.0.1-1",
	"1.2a-1",
	"1.2+-1",
	"1.10-1",
	"1:0.1-1",
	"2:0",
};

static void
versions_are_ordered(void **state)
{
	(void)state;
	const size_t count = sizeof(ascending) / sizeof(*ascending);

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < count; k++) {
			int order = graft_deb_version_compare(ascending[i],
							      ascending[k]);
			if ((order < 0) != (i < k) || (order > 0) != (i > k))
				fail_msg("%s and %s: %d", ascending[i],
					 ascending[k], order);
		}
	}
}

static void
zeroes_in_front_and_a_missing_epoch_mean_nothing(void **state)
{
	(void)state;
	assert_int_equal(graft_deb_version_compare("1.02-1", "1.2-1"), 0);
	assert_int_equal(graft_deb_version_compare("0:1.2-1", "1.2-1"), 0);
	assert_int_equal(graft_deb_version_compare("1.0", "1.0-0"), 0);
}

static void
relations_are_what_they_say(void **state)
{
	(void)state;
	assert_true(graft_deb_version_satisfies("1.0-2", ">=", "1.0-1"));
	assert_true(graft_deb_version_satisfies("1.0-2", ">>", "1.0-1"));
	assert_false(graft_deb_version_satisfies("1.0-2", "<<", "1.0-2"));
	assert_true(graft_deb_version_satisfies("1.0-2", "<=", "1.0-2"));
	assert_true(graft_deb_version_satisfies("1.0-2", "=", "1.0-2"));
	assert_false(graft_deb_version_satisfies("1.0-2", "=", "1.0-1"));
	assert_false(graft_deb_version_satisfies("1.0-2", "!", "1.0-2"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_ordered),
		cmocka_unit_test(
			zeroes_in_front_and_a_missing_epoch_mean_nothing),
		cmocka_unit_test(relations_are_what_they_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
