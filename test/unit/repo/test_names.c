// SPDX-License-Identifier: Apache-2.0

// Names of roles and paths of targets that are published.

#include "base/cleanup.h"
#include "repo/limits.h"
#include "repo/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool
passes(struct graft_error *err)
{
	const bool good = !err;

	if (err)
		assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	graft_error_free(err);
	return good;
}

static void
names_of_roles_are_those_of_files(void **state)
{
	static const char *const good[] = { "a", "bin-3f", "debian_12.x", "0" };
	static const char *const bad[] = { "",    ".a",   "-a",       "a/b",
					   "a b", "a%2f", "\xc3\xa9", "a\n" };
	char name[GRAFT_REPO_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(passes(graft_repo_name_check(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(passes(graft_repo_name_check(bad[i])));
	memset(name, 'a', sizeof(name));
	name[GRAFT_REPO_NAME_MAX + 1] = '\0';
	assert_false(passes(graft_repo_name_check(name)));
	name[GRAFT_REPO_NAME_MAX] = '\0';
	assert_true(passes(graft_repo_name_check(name)));
}

static void
no_path_leads_out_or_means_two_files(void **state)
{
	static const char *const good[] = { "a",
					    "a/b",
					    "a b/c+d,e",
					    "a.b",
					    "\xc3\xa9/\xef\xbd\x9e",
					    "releases/GP-2026-0042.json" };
	static const char *const bad[] = {
		"",       "/",        "/a",
		"a/",     "a//b",     ".",
		"..",     "../a",     "a/..",
		"a/../b", "a/.b",     ".a",
		"a?",     "a#b",      "a%2fb",
		"a\\b",   "a\tb",     "\xff",
		"a\x7f",  "\xc0\xaf", "\xf0\x9f\x98\x80",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(passes(graft_repo_path_check(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (passes(graft_repo_path_check(bad[i])))
			fail_msg("%s", bad[i]);
	}
}

static void
the_hash_stands_before_the_last_part(void **state)
{
	GRAFT_FREE char *flat = NULL;
	GRAFT_FREE char *deep = NULL;

	(void)state;
	assert_null(graft_repo_hashed_name("a", "ff", &flat));
	assert_string_equal(flat, "ff.a");
	assert_null(graft_repo_hashed_name("a/b/c", "ff", &deep));
	assert_string_equal(deep, "a/b/ff.c");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_roles_are_those_of_files),
		cmocka_unit_test(no_path_leads_out_or_means_two_files),
		cmocka_unit_test(the_hash_stands_before_the_last_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
