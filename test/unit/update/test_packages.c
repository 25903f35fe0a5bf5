// SPDX-License-Identifier: Apache-2.0

// Names and versions out of a release that become words of a command line.

#include "update/packages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
names_are_those_of_packages(void **state)
{
	(void)state;
	static const char *const good[] = { "libx1", "g++", "libstdc++6", "0ad",
					    "a.b-c+d" };
	static const char *const bad[] = {
		"",        "a",          "-o",      "-oDPkg::Pre-Invoke=x",
		"libx1-",  "lib x1",     "libx1=2", "libx1:i386",
		"libx1/x", "Lib",        "lib\n",   "*",
		"lib?",    "lib\xc3\xa4"
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (!graft_wanted_is_name(good[i]))
			fail_msg("%s is one", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (graft_wanted_is_name(bad[i]))
			fail_msg("'%s' is none", bad[i]);
}

static void
versions_are_those_of_packages(void **state)
{
	(void)state;
	static const char *const good[] = { "1", "1:2.3~4+deb12u5-6", "0.0" };
	static const char *const bad[] = { "",    "-1",   "1-",  "1 2",
					   "1=2", "1/2",  "x1",  "1\n",
					   "1*",  "1;ls", "$(1)" };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (!graft_wanted_is_version(good[i]))
			fail_msg("%s is one", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (graft_wanted_is_version(bad[i]))
			fail_msg("'%s' is none", bad[i]);
}

static void
a_release_with_odd_names_is_refused_before_anything_is_run(void **state)
{
	(void)state;
	struct graft_release_package package = {
		.name = (char *)"-oDir::Etc=/tmp", .version = (char *)"1"
	};
	const struct graft_release release = { .packages = &package,
					       .package_count = 1 };
	const struct graft_release *const list[] = { &release };
	struct graft_wanted_list wanted = { 0 };
	struct graft_error *err = graft_wanted_find(list, 1, &wanted);

	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	graft_error_free(err);
	graft_wanted_deinit(&wanted);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_packages),
		cmocka_unit_test(versions_are_those_of_packages),
		cmocka_unit_test(
			a_release_with_odd_names_is_refused_before_anything_is_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
