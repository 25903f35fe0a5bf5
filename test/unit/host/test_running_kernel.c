// SPDX-License-Identifier: Apache-2.0

#include "host/running_kernel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void
finds(const char *said, const char *expected)
{
	char version[128];

	graft_running_kernel_version(said, version);
	assert_string_equal(version, expected);
}

static void
a_kernel_names_its_package(void **state)
{
	(void)state;
	finds("#1 SMP PREEMPT_DYNAMIC Debian 6.1.115-1 (2024-11-01)",
	      "6.1.115-1");
	finds("#1 SMP Debian 6.1.115-1", "6.1.115-1");
	finds("#45-Ubuntu SMP PREEMPT_DYNAMIC Fri Aug 30", "");
	finds("Debian ", "");
	finds("", "");
}

static void
what_an_older_or_unknown_kernel_has_is_not_fixed(void **state)
{
	(void)state;
	assert_true(graft_running_kernel_has("6.1.115-1", "6.1.115-1"));
	assert_true(graft_running_kernel_has("6.1.115-1", "6.1.99-1"));
	assert_false(graft_running_kernel_has("6.1.99-1", "6.1.115-1"));
	assert_true(graft_running_kernel_has("6.1.115-1", "7.1.0+6.1.115-1"));
	assert_false(graft_running_kernel_has("6.1.99-1", "7.1.0+6.1.115-1"));
	assert_false(graft_running_kernel_has("", "6.1.115-1"));
}

static void
sources_of_kernels_are_known(void **state)
{
	(void)state;
	assert_true(graft_running_kernel_is_of("linux"));
	assert_true(graft_running_kernel_is_of("linux-signed-amd64"));
	assert_false(graft_running_kernel_is_of("linux-base"));
	assert_false(graft_running_kernel_is_of("util-linux"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernel_names_its_package),
		cmocka_unit_test(
			what_an_older_or_unknown_kernel_has_is_not_fixed),
		cmocka_unit_test(sources_of_kernels_are_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
