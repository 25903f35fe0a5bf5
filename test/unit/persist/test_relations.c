// SPDX-License-Identifier: Apache-2.0

#include "persist/relations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/** What is found, as a string; "" is nothing. */
static char *
found(const char *at, size_t len)
{
	char *copy = at ? strndup(at, len) : strdup("");

	assert_non_null(copy);
	return copy;
}

static void
who_asks_for_the_old_version_is_found(void **state)
{
	(void)state;
	static const char *const table[][2] = {
		{ "libc6 (>= 2.1), libx1 (= 1.0-1), z", "libx1 (= 1.0-1)" },
		{ "libx1 (<< 1.0-2)", "libx1 (<< 1.0-2)" },
		{ "libx1:amd64 (= 1.0-1)", "libx1:amd64 (= 1.0-1)" },
		{ "libx1 (= 1.0-2), libx1 (>= 1.0)", "" },
		{ "libx1, libx11 (= 1.0-1), libx1-dev (= 1.0-1)", "" },
		{ "libx1 (= 1.0-1) | other", "" },
		{ "", "" },
		{ " , ", "" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t len = 0;
		const char *at = graft_relations_find_broken(
			table[i][0], "libx1", "1.0-2", &len);
		char *got = found(at, len);
		assert_string_equal(got, table[i][1]);
		free(got);
	}
}

static void
what_only_the_new_version_asks_for_must_be_there(void **state)
{
	(void)state;
	static const char installed[] = "libc6:amd64\t2.36-9\t\n"
					"libc6\t2.36-9\t\n"
					"mawk\t1.3\tawk, bwk (= 2.0)\n";
	static const char *const table[][3] = {
		{ "libc6 (>= 2.1)", "libc6 (>= 2.1)", "" },
		// It held before, whatever it asks for.
		{ "gone (= 1)", "gone (= 1)", "" },
		{ "libc6 (>= 2.1)", "libc6 (>= 2.36)", "" },
		{ "libc6 (>= 2.1)", "libc6 (>= 2.37)", "libc6 (>= 2.37)" },
		{ "", "libc6, missing", "missing" },
		{ "", "missing | libc6 (>= 2)", "" },
		{ "", "missing | libc6 (>= 3)", "missing | libc6 (>= 3)" },
		{ "", "awk", "" },
		{ "", "awk (>= 1)", "awk (>= 1)" },
		{ "", "bwk (>= 1)", "" },
		{ "", "libc6 (?? 1)", "libc6 (?? 1)" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t len = 0;
		const char *at = graft_relations_find_missing(
			table[i][0], table[i][1], installed, &len);
		char *got = found(at, len);
		assert_string_equal(got, table[i][2]);
		free(got);
	}
}

static void
what_the_new_version_breaks_is_found_but_never_itself(void **state)
{
	(void)state;
	static const char installed[] = "mawk\t1.3\tawk, bwk (= 2.0)\n"
					"libx1\t2\tlibx-any\n";
	static const char *const table[][3] = {
		{ "", "mawk (<< 1.4)", "mawk (<< 1.4)" },
		{ "", "mawk (<< 1.3), gone", "" },
		{ "", "gone, awk", "awk" },
		{ "", "bwk (<< 2)", "" },
		// It did so before.
		{ "mawk", "mawk", "" },
		{ "", "libx1 (<< 3), libx-any", "" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t len = 0;
		const char *at = graft_relations_find_present(
			table[i][0], table[i][1], "libx1", installed, &len);
		char *got = found(at, len);
		assert_string_equal(got, table[i][2]);
		free(got);
	}
}

static void
what_begins_to_break_a_package_is_found(void **state)
{
	(void)state;
	static const char *const table[][2] = {
		{ "libx1 (>= 1.0-2)", "libx1 (>= 1.0-2)" },
		{ "libx1 (<< 3)", "" },
		{ "libx1", "" },
		{ "libx1 (<< 1)", "" },
		{ "other (>= 1.0-2), libx1-dev (>= 1.0-2)", "" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t len = 0;
		const char *at = graft_relations_find_begun(
			table[i][0], "libx1", "1.0-1", "1.0-2", &len);
		char *got = found(at, len);
		assert_string_equal(got, table[i][1]);
		free(got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_asks_for_the_old_version_is_found),
		cmocka_unit_test(
			what_only_the_new_version_asks_for_must_be_there),
		cmocka_unit_test(
			what_the_new_version_breaks_is_found_but_never_itself),
		cmocka_unit_test(what_begins_to_break_a_package_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
